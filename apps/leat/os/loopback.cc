#include "os/loopback.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "os/error.h"

namespace leat::app::os {
namespace {

Result<OwnedFd> stream_socket() {
  const int number = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
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
  const Result<OwnedFd> socket = stream_socket();
  constexpr std::string_view cubic = "cubic";
  const bool permitted = socket && ::setsockopt(socket->number(), IPPROTO_TCP, TCP_CONGESTION,
                                                cubic.data(), cubic.size()) == 0;
  return permitted ? cubic : "reno";
}

Result<OwnedFd> listen_on(Ipv4 address) {
  Result<OwnedFd> socket = stream_socket();
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

Result<OwnedFd> connect_to_listener(FdRef listener) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(listener.number(), reinterpret_cast<sockaddr*>(&address), &length) < 0) {
    return last_error("getsockname");
  }
  Result<OwnedFd> socket = stream_socket();
  if (!socket) return socket;
  if (const auto set = set_algorithm(*socket); !set) return std::unexpected(set.error());
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

Result<OwnedFd> accept_one(FdRef listener) {
  const int number = retry_interrupted(
      [&] { return ::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC); });
  if (number < 0) return last_error("accept4");
  return OwnedFd(number);
}

Result<std::uint64_t> discard_to_end(FdRef socket) {
  constexpr std::size_t call_bytes = 1u << 20;
  std::uint64_t total = 0;
  while (true) {  // ends with the stream; whoever measures kills a receiver that hangs
    const ssize_t count =
        retry_interrupted([&] { return ::recv(socket.number(), nullptr, call_bytes, MSG_TRUNC); });
    if (count < 0) return last_error("recv");
    if (count == 0) return total;
    total += static_cast<std::uint64_t>(count);
  }
}

}  // namespace leat::app::os
