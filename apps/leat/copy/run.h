/// Runs one copy and reports it.
#pragma once

#include "copy/request.h"

namespace leat::app::copy {

/// Returns the exit status. After a signal it prints the receipt and does not return.
int run(const Request& request);

}  // namespace leat::app::copy
