/// TCP over 127.0.0.1, for measuring: blocking sockets, no options set.
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::app::os {

/// Listens on a port that the kernel chooses. Errors: EMFILE, EADDRNOTAVAIL (no loopback).
Result<OwnedFd> listen_on_loopback();
/// Connects to such a listener; the socket blocks.
Result<OwnedFd> connect_to_listener(FdRef listener);
Result<void> make_nonblocking(FdRef socket);
Result<OwnedFd> accept_one(FdRef listener);

/// Reads to the end of the stream and throws away what comes without copying it to user memory, at
/// most 1 MiB a call; returns how much it was. See tcp(7), MSG_TRUNC. Errors: ECONNRESET.
Result<std::uint64_t> discard_to_end(FdRef socket);

}  // namespace leat::app::os
