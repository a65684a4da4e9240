#include "os/socket.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <string>

#include "os/error.h"

namespace leat::os {
namespace {

Result<int> option(FdRef socket, int level, int name, std::string_view operation) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(socket.number(), level, name, &value, &size) < 0) return last_error(operation);
  return value;
}

bool tcp_option(FdRef socket, int name) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket.number(), IPPROTO_TCP, name, &value, &size) == 0 && value != 0;
}

}  // namespace

Result<SocketFacts> socket_facts(FdRef socket) {
  const auto type = option(socket, SOL_SOCKET, SO_TYPE, "getsockopt SO_TYPE");
  if (!type) return std::unexpected(type.error());
  const auto listening = option(socket, SOL_SOCKET, SO_ACCEPTCONN, "getsockopt SO_ACCEPTCONN");
  const auto protocol = option(socket, SOL_SOCKET, SO_PROTOCOL, "getsockopt SO_PROTOCOL");
  return SocketFacts{.stream = *type == SOCK_STREAM,
                     .listening = listening && *listening != 0,
                     .tcp = protocol && *protocol == IPPROTO_TCP};
}

Result<void> require_peer(FdRef socket) {
  sockaddr_storage peer;
  socklen_t size = sizeof peer;
  if (::getpeername(socket.number(), reinterpret_cast<sockaddr*>(&peer), &size) == 0) return {};
  auto unconnected = last_error("getpeername");
  // One that was reset has no peer either; the socket still knows why.
  const int why = unconnected.error().is(ENOTCONN) ? take_socket_error(socket) : 0;
  if (why != 0) return make_error(why, "getpeername");
  return unconnected;
}

Result<void> reset_on_close(FdRef socket, bool on) {
  const linger value{.l_onoff = on ? 1 : 0, .l_linger = 0};
  if (::setsockopt(socket.number(), SOL_SOCKET, SO_LINGER, &value, sizeof value) < 0)
    return last_error("setsockopt SO_LINGER");
  return {};
}

void end_now(FdRef socket, bool reset) noexcept {
  const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  if (reset && ::connect(socket.number(), &nobody, sizeof nobody) == 0) return;
  ::shutdown(socket.number(), SHUT_RDWR);
}

Result<void> shutdown_write(FdRef socket) {
  if (::shutdown(socket.number(), SHUT_WR) < 0) return last_error("shutdown");
  return {};
}

Result<std::uint64_t> unacknowledged_bytes(FdRef socket) {
  int bytes = 0;
  if (::ioctl(socket.number(), SIOCOUTQ, &bytes) < 0) return last_error("ioctl SIOCOUTQ");
  return static_cast<std::uint64_t>(bytes);
}

int take_socket_error(FdRef socket) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  const bool asked = ::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &value, &size) == 0;
  return asked ? value : 0;
}

bool has_nodelay(FdRef socket) noexcept { return tcp_option(socket, TCP_NODELAY); }

bool is_corked(FdRef socket) noexcept { return tcp_option(socket, TCP_CORK); }

Result<void> set_cork(FdRef socket, bool on) {
  const int value = on ? 1 : 0;
  if (::setsockopt(socket.number(), IPPROTO_TCP, TCP_CORK, &value, sizeof value) < 0)
    return last_error("setsockopt TCP_CORK");
  return {};
}

void push_pending(FdRef socket) noexcept {
  if (is_corked(socket)) return;
  // Fails on sockets that are not TCP, which hold nothing back.
  [[maybe_unused]] const auto ignored = set_cork(socket, false);
}

}  // namespace leat::os
