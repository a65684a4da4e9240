// Descriptors that pass from process to process: sendmsg(2), recvmsg(2) with SCM_RIGHTS.
#pragma once

#include <cstddef>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Sends `text` and with it `passed`. Never waits (MSG_DONTWAIT), raises no SIGPIPE. Errors:
/// EAGAIN, EPIPE, EMSGSIZE (a stream took less than all), EINVAL, ETOOMANYREFS, …
Result<void> send_with_descriptor(FdRef socket, std::span<const std::byte> text, FdRef passed);

struct Passed {
  std::size_t bytes = 0;  ///< of the text; 0: the stream has ended
  OwnedFd fd;             ///< invalid: none came with it
};
/// Reads at most `into.size()` bytes and one descriptor, close-on-exec; more than one are closed.
/// Never waits. Errors: EAGAIN, ECONNRESET, …
Result<Passed> receive_with_descriptor(FdRef socket, std::span<std::byte> into);

}  // namespace leat::os
