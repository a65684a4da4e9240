/// Turns an error into something to do about it.
#pragma once

#include <cstdint>

#include <leat/error.h>

#include "copy/request.h"

namespace leat::app::copy {

enum class End : std::uint8_t { source, sink };

/// Names the endpoint in `error.subject` as the user wrote it, and fills in `error.hint` where the
/// library, which knows no command line, left it empty or speaks of "in place".
void advise(Error& error, const Request& request, End end);

/// The end that an error of the transfer itself is about.
End end_of(const Error& error, const Request& request);

}  // namespace leat::app::copy
