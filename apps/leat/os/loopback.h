/// Stream sockets between processes of this host, for measuring: TCP and UNIX, blocking.
#pragma once

#include <netinet/in.h>

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
/// A UNIX socket that listens on a name of the abstract namespace, which the kernel chooses and
/// forgets with the socket: no file is made. See unix(7), "Autobind feature".
Result<OwnedFd> listen_on_abstract_name();
/// The congestion control of both ends of the connections made here: cubic, or reno (always
/// permitted) where that is denied. An algorithm that paces (BBR) sends by timers, so that the CPU
/// time is somebody else's.
std::string_view loss_based_algorithm();
/// Connects to one of these listeners; the socket blocks.
Result<OwnedFd> connect_to_listener(FdRef listener);
Result<void> make_nonblocking(FdRef socket);
/// Has every processor of this process free the packets whose pages it still holds: since
/// Linux 5.19 a receiver leaves that to the processor that made the packet, which does it when it
/// next receives something. So one datagram is sent to nobody at `address` from each. Errors:
/// ENETUNREACH, EPERM.
Result<void> free_received_packets(Ipv4 address = INADDR_LOOPBACK);
Result<OwnedFd> accept_one(FdRef listener);

/// A connection whose ends are both in this process. Who connects is `near`.
struct TcpPair {
  OwnedFd near;
  OwnedFd far;
};
Result<TcpPair> tcp_pair(FdRef listener);
/// Over the loopback.
Result<TcpPair> tcp_pair();

}  // namespace leat::app::os
