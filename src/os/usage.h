// getrusage(2).
#pragma once

#include <leat/receipt.h>

namespace leat::os {

/// What this process, with all its threads, has used so far; wall_s is the monotonic clock.
Usage process_usage() noexcept;

}  // namespace leat::os
