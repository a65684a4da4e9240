#include "os/wait.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "os/error.h"

namespace leat::os {

Result<int> wait(std::span<pollfd> fds,
                 std::optional<std::chrono::steady_clock::time_point> until) {
  timespec timeout{};
  if (until) {
    using std::chrono::nanoseconds;
    const auto left =
        std::chrono::duration_cast<nanoseconds>(*until - std::chrono::steady_clock::now());
    const auto count = std::max<std::int64_t>(left.count(), 0);
    timeout = {.tv_sec = count / 1'000'000'000, .tv_nsec = count % 1'000'000'000};
  }
  const int ready = ::ppoll(fds.data(), fds.size(), until ? &timeout : nullptr, nullptr);
  if (ready < 0) return last_error("ppoll");
  return ready;
}

short ready_events(FdRef fd, short events) {
  pollfd entry{.fd = fd.number(), .events = events, .revents = 0};
  const int ready = retry_interrupted([&] { return ::poll(&entry, 1, 0); });
  return ready > 0 ? entry.revents : short{0};
}

Result<OwnedFd> make_eventfd() {
  const int number = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (number < 0) return last_error("eventfd");
  return OwnedFd(number);
}

void signal_eventfd(FdRef eventfd) noexcept {
  // EAGAIN means the counter is full, so it is readable already: nothing to report.
  [[maybe_unused]] const auto ignored =
      retry_interrupted([&] { return ::eventfd_write(eventfd.number(), 1); });
}

bool drain_eventfd(FdRef eventfd) noexcept {
  eventfd_t count = 0;
  return retry_interrupted([&] { return ::eventfd_read(eventfd.number(), &count); }) == 0;
}

}  // namespace leat::os
