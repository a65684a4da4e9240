// What happens when somebody touches a page of a mapping that its file no longer has: SIGBUS.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>

#include <leat/error.h>

namespace leat::os {

/// A mapping that the guard is to mind. Not copied, not moved; to be destroyed before its memory is
/// unmapped.
class GuardedRange {
 public:
  /// `writable`: what is put over a hole may be written, too. Beyond 4096 of them at once nothing
  /// is guarded, and `is_guarded` says so.
  GuardedRange(std::span<const std::byte> bytes, bool writable) noexcept;
  ~GuardedRange();
  GuardedRange(const GuardedRange&) = delete;
  GuardedRange& operator=(const GuardedRange&) = delete;

  bool is_guarded() const noexcept { return slot_ != none; }
  bool has_holes() const noexcept;

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t slot_ = none;
};

/// Puts a handler of SIGBUS before the one that is there: pages of guarded ranges become zeros,
/// everything else is for that one. Once; later calls do nothing. Errors: of sigaction(2).
Result<void> install_sigbus_handler();

}  // namespace leat::os
