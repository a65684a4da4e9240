/// Small messages, request by request: a run is many requests over one kept connection, each of
/// which is answered by one transfer of the payload.
#pragma once

#include <cstdint>
#include <expected>
#include <span>

#include <leat/context.h>
#include <leat/error.h>
#include <leat/plan.h>

#include "bench/run.h"

namespace leat::app::bench {

/// True for a file or memory of at most 64 KiB to a stream socket or a pipe.
bool is_by_request(const Pair& pair, std::uint64_t size) noexcept;

/// How many requests a run counts, a sixteenth of it by direct_io; 0 unless is_by_request().
std::uint64_t requests_of_run(const Pair& pair, std::uint64_t size) noexcept;

/// The calls that a good program written without leat would make of such an answer.
std::span<const ByHand> calls_by_hand(const Pair& pair) noexcept;

/// What plan() says of the ends that such a run has; nothing is moved. The error is one line.
std::expected<Plan, std::string> plan_requests(const Payload& payload, const Pair& pair);

/// One run. The mover, as a server has it: one process with one Context, SIGPIPE ignored, one kept
/// Connection with TCP_NODELAY; it waits for a request of one byte, then moves the payload by
/// one transfer(), or by hand, and so on. Answers into a pipe, which does not block the mover, are
/// asked for over a UNIX socket. The process that asks reads each answer into memory
/// before it asks again, with a clock around each request. Both stay on one processor: to wake
/// another one, which has gone to sleep meanwhile, takes ten times as long as all that is to be
/// compared. The first requests are not counted.
///
/// In the sample everything is of one request: wall_s is the median latency, CPU time and switches
/// include the wait for the request, `calls` do not. Copies are those of one transfer.
std::expected<Sample, Failure> measure_requests(const Payload& payload, const Pair& pair,
                                                const Way& way, const WhenReady& when_ready);

}  // namespace leat::app::bench
