#include "os/usage.h"

#include <sys/resource.h>

#include <chrono>
#include <cstdint>

namespace leat::os {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

Usage process_usage() noexcept {
  rusage raw{};
  ::getrusage(RUSAGE_SELF, &raw);
  const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
  return {.wall_s = now.count(),
          .user_s = seconds(raw.ru_utime),
          .system_s = seconds(raw.ru_stime),
          .voluntary_switches = static_cast<std::uint64_t>(raw.ru_nvcsw),
          .involuntary_switches = static_cast<std::uint64_t>(raw.ru_nivcsw),
          .major_faults = static_cast<std::uint64_t>(raw.ru_majflt),
          .minor_faults = static_cast<std::uint64_t>(raw.ru_minflt)};
}

}  // namespace leat::os
