// tee(2), and how much a pipe holds.
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Duplicates up to `limit` bytes from the front of the pipe `from` into the pipe `to`; they stay
/// in `from`, and a second call duplicates the same ones. Never waits (SPLICE_F_NONBLOCK).
///
/// Returns the bytes duplicated; 0 means `from` is empty and nobody can write to it any more. EINTR
/// is retried. May raise SIGPIPE; see SigpipeGuard.
/// Errors: EAGAIN (`from` empty, or `to` full: slots count, not bytes), EPIPE (`to` has no reader;
/// only told while `from` is not empty), EINVAL (not two different pipes), ENOMEM. See tee(2).
Result<std::uint64_t> tee(FdRef from, FdRef to, std::uint64_t limit);

/// The bytes in a pipe; either end will do. See pipe(7), FIONREAD.
Result<std::uint64_t> bytes_in_pipe(FdRef pipe);

}  // namespace leat::os
