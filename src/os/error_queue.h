// Zero-copy sends and what a socket's error queue says of them: SO_ZEROCOPY, MSG_ERRQUEUE.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

#include "os/stream.h"

namespace leat::os {

/// The sends `first` … `last` (inclusive, wrapping at 2^32) of a socket, whose memory the kernel
/// has let go.
struct ReleasedSends {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  bool copied = false;  ///< the kernel copied the bytes after all
};

/// What a message of the error queue says of zero-copy sends; nothing if it is about something
/// else, or cut off.
std::optional<ReleasedSends> decode_release(const msghdr& message) noexcept;

/// Takes the next such message from the queue, passing over others. Nothing if there is none.
/// Errors: EBADF, …; a socket error that stands in the queue is not one of them.
Result<std::optional<ReleasedSends>> next_release(FdRef socket);

/// True if SO_ZEROCOPY is set.
Result<bool> is_zero_copy(FdRef socket);
/// Errors: EOPNOTSUPP (not TCP), ENOPROTOOPT (before Linux 4.14).
Result<void> enable_zero_copy(FdRef socket);

/// Empty, or why this host has no MSG_ZEROCOPY. Asks the kernel.
std::string_view zero_copy_verdict() noexcept;

/// sendmsg(2) with MSG_ZEROCOPY: the kernel reads the memory until `next_release` names this send.
/// Errors also: ENOBUFS (optmem_max, or locked memory, is used up).
Result<std::uint64_t> send_zero_copy(FdRef socket, std::span<const iovec> from, SendFlags flags);

}  // namespace leat::os
