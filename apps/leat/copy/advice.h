/// Turns an error into something to do about it.
#pragma once

#include <cstdint>

#include <leat/error.h>

#include "copy/request.h"

namespace leat::app::copy {

enum class End : std::uint8_t { source, sink };

/// Names the endpoint in `error.subject` as the user wrote it. Where there is advice that knows the
/// command line, it takes the place of the library's hint.
void advise(Error& error, const Request& request, End end);

}  // namespace leat::app::copy
