// read(2), write(2), recv(2), send(2) and their positioned and vector forms.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// All of these move at most 0x7ffff000 bytes, may move fewer, return the bytes moved, and retry
/// EINTR. 0 from a reading call is the end of the source. Offsets do not move the descriptor's own.
/// Errors: EAGAIN (would wait), EIO, ENOSPC, EPIPE, ECONNRESET, EFBIG, EINVAL, … as the man page
/// has.

Result<std::uint64_t> read(FdRef fd, std::span<std::byte> into);
Result<std::uint64_t> pread(FdRef fd, std::span<std::byte> into, std::uint64_t offset);

/// The same without waiting for a disk: what is in memory, maybe less than was asked for. Errors:
/// EAGAIN (nothing is), EOPNOTSUPP (this file system cannot tell). See preadv2(2) RWF_NOWAIT.
Result<std::uint64_t> pread_resident(FdRef fd, std::span<std::byte> into, std::uint64_t offset);

/// `wait` false adds MSG_DONTWAIT: never waits, whatever the descriptor's O_NONBLOCK says.
Result<std::uint64_t> recv(FdRef socket, std::span<std::byte> into, bool wait);

/// May raise SIGPIPE on pipes and sockets; see SigpipeGuard.
Result<std::uint64_t> write(FdRef fd, std::span<const std::byte> from);
Result<std::uint64_t> pwrite(FdRef fd, std::span<const std::byte> from, std::uint64_t offset);
Result<std::uint64_t> writev(FdRef fd, std::span<const iovec> from);
Result<std::uint64_t> pwritev(FdRef fd, std::span<const iovec> from, std::uint64_t offset);

struct SendFlags {
  bool wait = false;          ///< false: MSG_DONTWAIT
  bool more_follows = false;  ///< MSG_MORE: hold back a partial segment; see tcp(7) TCP_CORK
};
/// Never raises SIGPIPE (MSG_NOSIGNAL).
Result<std::uint64_t> send(FdRef socket, std::span<const std::byte> from, SendFlags flags);
Result<std::uint64_t> sendmsg(FdRef socket, std::span<const iovec> from, SendFlags flags);

/// The same as send() with no flags, for small messages, where making a Result shows: the bytes
/// sent, or a negated errno.
std::int64_t send_at_once(FdRef socket, std::span<const std::byte> from) noexcept;

}  // namespace leat::os
