/// What leat promises of small messages.
#pragma once

#include <vector>

#include "bench/summary.h"

namespace leat::app::bench {

/// The call by hand that is best by p50 and CPU time taken together; null if there is none.
const Row* best_by_hand(const Series& series);

/// Of 64 B to 16 KiB of memory over TCP: leat's own choice is better than the best call by hand, or
/// not told apart from it, in p50, in p99 where that settles, and in CPU time. None for others.
std::vector<Limit> check_request_limits(const Series& series);

}  // namespace leat::app::bench
