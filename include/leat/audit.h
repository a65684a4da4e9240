/// The evidence: what a process spends its CPU time on, sampled by the kernel's clock.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <leat/error.h>

namespace leat {

/// Samples of CPU time, sorted into copying and everything else. A plain value: add up those of
/// several runs.
struct CopyProfile {
  std::uint64_t kernel_copying = 0;  ///< inside the kernel's copy routines
  std::uint64_t kernel_other = 0;
  std::uint64_t user_copying = 0;  ///< inside memcpy(3) and memmove(3)
  std::uint64_t user_other = 0;
  std::uint64_t lost = 0;  ///< samples that the kernel had no room for; in no other count

  std::uint64_t samples() const noexcept {
    return kernel_copying + kernel_other + user_copying + user_other;
  }
  /// Of the CPU time, the part spent copying: 0 … 1; 0 if there are no samples.
  double copy_share() const noexcept;
  /// Half the width of the 95 % interval of `copy_share` (Wilson's); 1 if there are no samples. It
  /// covers chance alone: in a virtual machine samples of code that runs with interrupts disabled
  /// are counted where they are enabled again (docs/sampling.md).
  double copy_share_error() const noexcept;

  CopyProfile& operator+=(const CopyProfile& other) noexcept;
};

/// Where the running kernel and this program copy bytes: what samples are sorted by. To find it
/// takes the reading of /proc/kallsyms, some 50 to 300 ms, so it is found once and then shared:
/// copies of this value are cheap and mean the same. Any thread.
class CopyRoutines {
 public:
  /// Errors: EPERM if the kernel hides its addresses (the hint names kernel.kptr_restrict and the
  /// command that would change it), ENOENT.
  static Result<CopyRoutines> find();

 private:
  friend class CopySampler;
  struct Found;
  explicit CopyRoutines(std::shared_ptr<const Found> found) noexcept : found_(std::move(found)) {}
  std::shared_ptr<const Found> found_;
};

/// Samples one process, with the threads, children and io_uring workers that it starts after
/// `attach`, by a cpu-clock event on each processor. See perf_event_open(2). One thread. Move-only.
class CopySampler {
 public:
  /// `process` is a child made by fork(2) that did not exec (its memcpy(3) is this program's), or 0
  /// for the calling thread. Sampling begins at once; `samples_per_second` of CPU time, which the
  /// kernel may cut (kernel.perf_event_max_sample_rate).
  /// Errors: EACCES, EPERM (the hint names the setting and the command that would change it),
  /// ESRCH, ENOSYS, EMFILE.
  static Result<CopySampler> attach(int process, const CopyRoutines& routines,
                                    unsigned samples_per_second = 4000);
  /// The same with routines found for this sampler alone. Errors: those of CopyRoutines::find too.
  static Result<CopySampler> attach(int process, unsigned samples_per_second = 4000);

  CopySampler(CopySampler&&) noexcept;
  CopySampler& operator=(CopySampler&&) noexcept;
  ~CopySampler();

  /// Sorts the samples since the last call. To be called often enough: the kernel keeps about
  /// 10,000 for each processor and counts what it loses.
  CopyProfile collect();

 private:
  struct State;
  explicit CopySampler(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace leat
