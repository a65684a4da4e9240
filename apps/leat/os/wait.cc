#include "os/wait.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <vector>

namespace leat::app::os {
namespace {

/// Milliseconds for poll(2), rounded up so that it does not wake just before the deadline; -1 is
/// for ever.
int remaining_ms(const Patience& patience) {
  if (!patience.deadline) return -1;
  const auto left = *patience.deadline - std::chrono::steady_clock::now();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, std::numeric_limits<int>::max()));
}

}  // namespace

Error error_with(int error_number, std::string_view operation, std::string subject) {
  Error error;
  error.code = std::error_code(error_number, std::generic_category());
  error.operation = operation;
  error.subject = std::move(subject);
  return error;
}

Error failed_call(std::string_view operation, std::string subject, std::string hint) {
  Error error = error_with(errno, operation, std::move(subject));
  error.hint = std::move(hint);
  return error;
}

Attempt<void> wait_any(std::span<pollfd> fds, const Patience& patience) {
  std::vector<pollfd> all(fds.begin(), fds.end());
  all.push_back({patience.stop_fd.number(), POLLIN, 0});  // a negative number is ignored
  for (;;) {
    if (patience.stop.stop_requested()) return std::unexpected(Setback(Ending::cancelled));
    const int ready = poll(all.data(), all.size(), remaining_ms(patience));
    if (ready < 0 && errno != EINTR) return std::unexpected(Setback(failed_call("poll")));
    if (ready == 0) return std::unexpected(Setback(Ending::deadline));
    if (ready < 0 || all.back().revents != 0) continue;
    std::copy_n(all.begin(), fds.size(), fds.begin());
    return {};
  }
}

Attempt<void> wait_one(FdRef fd, short events, const Patience& patience) {
  pollfd one{fd.number(), events, 0};
  return wait_any({&one, 1}, patience);
}

}  // namespace leat::app::os
