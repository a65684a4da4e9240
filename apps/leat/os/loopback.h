/// TCP between processes of this host, for measuring: blocking sockets.
#pragma once

#include <cstdint>
#include <string_view>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::app::os {

/// An IPv4 address, in the host's byte order.
using Ipv4 = std::uint32_t;

/// Listens on a port that the kernel chooses. Errors: EMFILE, EADDRNOTAVAIL (no such address).
Result<OwnedFd> listen_on(Ipv4 address);
Result<OwnedFd> listen_on_loopback();
/// The congestion control of both ends of the connections made here: cubic, or reno (always
/// permitted) where that is denied. An algorithm that paces (BBR) sends by timers, so that the CPU
/// time is somebody else's.
std::string_view loss_based_algorithm();
/// Connects to such a listener; the socket blocks.
Result<OwnedFd> connect_to_listener(FdRef listener);
Result<void> make_nonblocking(FdRef socket);
Result<OwnedFd> accept_one(FdRef listener);

/// Reads to the end of the stream and throws away what comes without copying it to user memory, at
/// most 1 MiB a call; returns how much it was. See tcp(7), MSG_TRUNC. Errors: ECONNRESET.
Result<std::uint64_t> discard_to_end(FdRef socket);

}  // namespace leat::app::os
