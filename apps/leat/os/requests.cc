#include "os/requests.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>

#include "os/error.h"

namespace leat::app::os {
namespace {

/// Ends with the stream; whoever measures kills a process that hangs.
template <class Call>
Result<void> fill(std::span<std::byte> room, std::string_view operation, Call call) {
  while (!room.empty()) {
    const ssize_t count = retry_interrupted([&] { return call(room); });
    if (count < 0) return last_error(operation);
    if (count == 0) return make_error(EPIPE, operation);
    room = room.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

Result<void> set_nodelay(FdRef socket) {
  const int on = 1;
  if (::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) {
    return last_error("setsockopt TCP_NODELAY");
  }
  return {};
}

Result<void> ask(FdRef socket) {
  const std::byte request{1};
  const ssize_t count =
      retry_interrupted([&] { return ::send(socket.number(), &request, 1, MSG_NOSIGNAL); });
  if (count < 0) return last_error("send");
  return {};
}

Result<void> receive_answer(FdRef socket, std::span<std::byte> room) {
  return fill(room, "recv", [&](std::span<std::byte> rest) {
    return ::recv(socket.number(), rest.data(), rest.size(), MSG_WAITALL);
  });
}

Result<void> read_answer(FdRef pipe, std::span<std::byte> room) {
  return fill(room, "read", [&](std::span<std::byte> rest) {
    return ::read(pipe.number(), rest.data(), rest.size());
  });
}

Result<Arrived> wait_for_request(FdRef socket) {
  pollfd readable{.fd = socket.number(), .events = POLLIN, .revents = 0};
  if (retry_interrupted([&] { return ::poll(&readable, 1, -1); }) < 0) return last_error("poll");
  if ((readable.revents & POLLIN) == 0) return Arrived::notice;
  std::byte request{};
  const ssize_t count =
      retry_interrupted([&] { return ::recv(socket.number(), &request, 1, MSG_DONTWAIT); });
  if (count < 0) return last_error("recv");
  if (count == 0) return make_error(EPIPE, "recv of a request");
  return Arrived::request;
}

bool stay_on_processor(unsigned index) noexcept {
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (::sched_getaffinity(0, sizeof usable, &usable) < 0) return false;
  const auto count = static_cast<unsigned>(CPU_COUNT(&usable));
  unsigned left = count ? index % count : 0;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &usable) || left-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    return ::sched_setaffinity(0, sizeof one, &one) == 0;
  }
  return false;
}

}  // namespace leat::app::os
