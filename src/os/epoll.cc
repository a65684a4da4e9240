#include "os/epoll.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "os/error.h"

namespace leat::os {
namespace {

Result<void> control(FdRef epoll, int operation, FdRef fd, short events) {
  epoll_event event{};
  event.events = static_cast<unsigned short>(events);  // the same bits as poll(2)'s
  event.data.fd = fd.number();
  if (::epoll_ctl(epoll.number(), operation, fd.number(), &event) < 0)
    return last_error("epoll_ctl");
  return {};
}

}  // namespace

Result<OwnedFd> make_epoll() {
  const int number = ::epoll_create1(EPOLL_CLOEXEC);
  if (number < 0) return last_error("epoll_create1");
  return OwnedFd(number);
}

Result<void> epoll_add(FdRef epoll, FdRef fd, short events) {
  return control(epoll, EPOLL_CTL_ADD, fd, events);
}
Result<void> epoll_change(FdRef epoll, FdRef fd, short events) {
  return control(epoll, EPOLL_CTL_MOD, fd, events);
}
Result<void> epoll_remove(FdRef epoll, FdRef fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0); }

std::span<const Happened> epoll_happened(FdRef epoll, std::span<Happened> room) {
  std::array<epoll_event, 64> raw;
  const auto most = static_cast<int>(std::min(raw.size(), room.size()));
  // EINTR cannot strike: it does not wait.
  const int count = ::epoll_wait(epoll.number(), raw.data(), most, 0);
  const auto happened = room.first(static_cast<std::size_t>(std::max(count, 0)));
  for (std::size_t i = 0; i < happened.size(); ++i)
    happened[i] = {.fd = FdRef(raw[i].data.fd), .events = raw[i].events};
  return happened;
}

}  // namespace leat::os
