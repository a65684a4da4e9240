#include "transfer/nap.h"

#include <poll.h>

#include <array>
#include <span>

namespace leat {

Result<void> Nap::wait_for(const Wait& wait) {
  std::array<pollfd, 3> fds;
  std::size_t count = 0;
  for (const WaitFd& slot : wait.fds())
    fds[count++] = {.fd = slot.fd.number(), .events = slot.events, .revents = 0};
  pollfd& wakeups = fds[count++];
  wakeups = {.fd = context_.wakeups.number(), .events = POLLIN, .revents = 0};
  const auto ready = os::wait(std::span(fds).first(count), wait.wake_at);
  if (!ready && !ready.error().is(EINTR)) return std::unexpected(ready.error());
  if (ready && wakeups.revents != 0) {
    context_.collect();
    woken_ = true;
  }
  return {};
}

}  // namespace leat
