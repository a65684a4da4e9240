// splice(2), vmsplice(2), pipe2(2) and the sizes of pipes.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// One call of splice moves at most this: a length near SIZE_MAX is EINVAL since Linux 6.8.
inline constexpr std::uint64_t splice_limit = 0x7ffff000;

/// Moves up to `limit` bytes; one end must be a pipe. An offset pointer means that position, which
/// is advanced (files only); null means the descriptor's own. Never waits on a pipe
/// (SPLICE_F_NONBLOCK), but does on a blocking socket. `more_follows` is SPLICE_F_MORE.
///
/// Returns the bytes moved; 0 means the source is at its end (an empty pipe without writers).
/// EINTR is retried. May raise SIGPIPE; see SigpipeGuard.
/// Errors: EAGAIN (source empty, or sink full: a pipe counts slots, not bytes), EINVAL
/// (unsupported, or a sink with O_APPEND), EPIPE, ENOSPC, …
Result<std::uint64_t> splice(FdRef source, std::uint64_t* source_offset, FdRef sink,
                             std::uint64_t* sink_offset, std::uint64_t limit, bool more_follows);

/// Puts references to the pages of `from` into `pipe`, at most IOV_MAX pieces; each page that a
/// piece touches takes one of the pipe's slots. Never waits (SPLICE_F_NONBLOCK). Whoever reads the
/// pipe, or what it is spliced into, reads that memory: also after it was changed, and nothing
/// tells when it no longer does.
///
/// Returns the bytes moved. EINTR is retried. May raise SIGPIPE; see SigpipeGuard.
/// Errors: EAGAIN (full), EPIPE, EBADF (not a pipe), EFAULT. See vmsplice(2).
Result<std::uint64_t> vmsplice(FdRef pipe, std::span<const iovec> from);

struct PipeEnds {
  OwnedFd read;
  OwnedFd write;
};
/// A new pipe, both ends non-blocking and close-on-exec. Errors: EMFILE, ENFILE. See pipe2(2).
Result<PipeEnds> make_pipe();

/// The capacity in bytes. An unprivileged user over pipe-user-pages-soft gets two pages only.
Result<std::uint64_t> pipe_capacity(FdRef pipe);
/// Asks for a capacity; returns what was given, which may be more.
/// Errors: EPERM (over pipe-max-size or the user's share), EBUSY (holds more), ENOMEM. See pipe(7).
Result<std::uint64_t> set_pipe_capacity(FdRef pipe, std::uint64_t bytes);

}  // namespace leat::os
