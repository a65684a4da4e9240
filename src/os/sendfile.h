// sendfile(2).
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Moves up to `limit` bytes from `file` at `*offset` to `sink` and advances `*offset`; a null
/// `offset` means the file's own, which then moves.
///
/// Returns the bytes moved; 0 means the offset is at or past the end of the file. One call moves at
/// most 0x7ffff000 bytes; a short count is no error. EINTR is retried. Waits on a blocking sink.
/// May raise SIGPIPE; see SigpipeGuard.
/// Errors: EAGAIN (sink full), EINVAL (pair unsupported, sink O_APPEND), EIO, EPIPE, ENOSPC, …
Result<std::uint64_t> sendfile(FdRef sink, FdRef file, std::uint64_t* offset, std::uint64_t limit);

}  // namespace leat::os
