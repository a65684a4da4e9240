#include "os/loopback.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <utility>

#include "os/error.h"

namespace leat::app::os {
namespace {

/// What comes there is thrown away, if anybody listens at all. See RFC 863.
constexpr std::uint16_t discard_port = 9;

Result<OwnedFd> stream_socket(sa_family_t family) {
  const int number = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (number < 0) return last_error("socket");
  return OwnedFd(number);
}

/// A listener passes it on to the connections that it accepts.
Result<void> set_algorithm(FdRef socket) {
  const std::string_view algorithm = loss_based_algorithm();
  if (::setsockopt(socket.number(), IPPROTO_TCP, TCP_CONGESTION, algorithm.data(),
                   static_cast<socklen_t>(algorithm.size())) < 0) {
    return last_error("setsockopt TCP_CONGESTION");
  }
  return {};
}

}  // namespace

std::string_view loss_based_algorithm() {
  const Result<OwnedFd> socket = stream_socket(AF_INET);
  constexpr std::string_view cubic = "cubic";
  const bool permitted = socket && ::setsockopt(socket->number(), IPPROTO_TCP, TCP_CONGESTION,
                                                cubic.data(), cubic.size()) == 0;
  return permitted ? cubic : "reno";
}

Result<OwnedFd> listen_on(Ipv4 address) {
  Result<OwnedFd> socket = stream_socket(AF_INET);
  if (!socket) return socket;
  if (const auto set = set_algorithm(*socket); !set) return std::unexpected(set.error());
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(address);
  if (::bind(socket->number(), reinterpret_cast<const sockaddr*>(&name), sizeof name) < 0) {
    return last_error("bind");
  }
  if (::listen(socket->number(), 1) < 0) return last_error("listen");
  return socket;
}

Result<OwnedFd> listen_on_loopback() { return listen_on(INADDR_LOOPBACK); }

Result<OwnedFd> listen_on_abstract_name() {
  Result<OwnedFd> socket = stream_socket(AF_UNIX);
  if (!socket) return socket;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  // The family alone asks for a name.
  if (::bind(socket->number(), reinterpret_cast<const sockaddr*>(&name), sizeof name.sun_family) <
      0) {
    return last_error("bind");
  }
  if (::listen(socket->number(), 1) < 0) return last_error("listen");
  return socket;
}

Result<OwnedFd> connect_to_listener(FdRef listener) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(listener.number(), reinterpret_cast<sockaddr*>(&address), &length) < 0) {
    return last_error("getsockname");
  }
  Result<OwnedFd> socket = stream_socket(address.ss_family);
  if (!socket) return socket;
  if (address.ss_family == AF_INET) {
    if (const auto set = set_algorithm(*socket); !set) return std::unexpected(set.error());
  }
  if (::connect(socket->number(), reinterpret_cast<const sockaddr*>(&address), length) < 0) {
    return last_error("connect");
  }
  return socket;
}

Result<void> make_nonblocking(FdRef socket) {
  const int flags = ::fcntl(socket.number(), F_GETFL);
  if (flags < 0 || ::fcntl(socket.number(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return last_error("fcntl");
  }
  return {};
}

Result<void> free_received_packets(Ipv4 address) {
  cpu_set_t all;
  CPU_ZERO(&all);
  if (::sched_getaffinity(0, sizeof all, &all) < 0) return last_error("sched_getaffinity");
  const OwnedFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return last_error("socket");
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(discard_port);
  name.sin_addr.s_addr = htonl(address);
  Result<void> sent;
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (::sched_setaffinity(0, sizeof one, &one) < 0) continue;  // it was taken away meanwhile
    if (::sendto(socket.number(), "", 1, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&name),
                 sizeof name) < 0) {
      sent = last_error("sendto");
    }
  }
  if (::sched_setaffinity(0, sizeof all, &all) < 0) return last_error("sched_setaffinity");
  return sent;
}

Result<OwnedFd> accept_one(FdRef listener) {
  const int number = retry_interrupted(
      [&] { return ::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC); });
  if (number < 0) return last_error("accept4");
  return OwnedFd(number);
}

Result<TcpPair> tcp_pair(FdRef listener) {
  Result<OwnedFd> near = connect_to_listener(listener);
  if (!near) return std::unexpected(near.error());
  Result<OwnedFd> far = accept_one(listener);
  if (!far) return std::unexpected(far.error());
  return TcpPair{std::move(*near), std::move(*far)};
}

Result<TcpPair> tcp_pair() {
  const Result<OwnedFd> listener = listen_on_loopback();
  if (!listener) return std::unexpected(listener.error());
  return tcp_pair(*listener);
}

}  // namespace leat::app::os
