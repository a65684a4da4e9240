// Samples of a process by the CPU's clock: perf_event_open(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Where a process was when the clock ticked.
struct PerfSample {
  std::uint64_t address = 0;
  bool in_kernel = false;
};

/// A cpu-clock event on each processor, with the buffer that the kernel writes samples to. An event
/// that threads inherit can have a buffer only if it belongs to one processor.
class PerfEvents {
 public:
  /// Sampling of `process` (0: the calling thread) and of all it starts from now on begins.
  /// Errors: EACCES, EPERM with a hint, ESRCH, ENOSYS, EMFILE, ENOMEM.
  static Result<PerfEvents> open(int process, unsigned samples_per_second);

  PerfEvents(PerfEvents&&) noexcept = default;
  PerfEvents& operator=(PerfEvents&&) noexcept = default;
  ~PerfEvents();

  /// Appends what was sampled since the last call; returns how many samples were lost.
  std::uint64_t drain(std::vector<PerfSample>& into);

 private:
  struct Event {
    OwnedFd fd;
    std::span<std::byte> mapping;  // a page of its head and tail, then the samples
  };
  PerfEvents() = default;
  static std::uint64_t drain(const Event& event, std::vector<PerfSample>& into);

  std::vector<Event> events_;
};

}  // namespace leat::os
