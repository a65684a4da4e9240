/// Claims 1, 2 and 4: what a transfer costs, from the series of `leat bench transfer`.
#pragma once

#include "bench/claims.h"
#include "bench/rounds.h"

namespace leat::app::bench {

/// Claim 1: time and CPU of a file to TCP, in hundredths of read+write's.
Claim answer_costs(const Series& file_to_tcp);

/// Claim 2: the copies of a byte by a CPU, as they were seen. DMA cannot be seen: what the
/// construction says of it is told beside it.
Claim answer_copies(const Series& file_to_tcp, const Series& memory_to_tcp);

/// Claim 4: sendfile and MSG_ZEROCOPY, how many times as fast as read+write.
Claim answer_speeds(const Series& file_to_tcp, const Series& memory_to_tcp);

}  // namespace leat::app::bench
