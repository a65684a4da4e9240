/// The name of one way of moving bytes: `read_write`, `sendfile`, `splice`, …
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace leat {

/// Names one mechanism that this build of leat has; a default-constructed one names none.
/// A small value: copy and compare it freely, from any thread.
class Mechanism {
 public:
  constexpr Mechanism() noexcept = default;

  /// How many there are; `at(0)` … `at(count() - 1)` are all of them, in a fixed order.
  static std::size_t count() noexcept;
  static Mechanism at(std::size_t index) noexcept;
  /// The mechanism called `name` (its man page's name or its flag), if this build has it.
  static std::optional<Mechanism> named(std::string_view name) noexcept;

  /// "sendfile"; empty if this names none.
  std::string_view name() const noexcept;
  /// What it does, in half a line.
  std::string_view summary() const noexcept;
  /// Why it cannot run on this host, or empty if it can. Asks the kernel; makes no lasting change.
  std::string_view unavailable() const noexcept;

  constexpr explicit operator bool() const noexcept { return number_ != 0; }
  friend constexpr bool operator==(Mechanism, Mechanism) noexcept = default;

 private:
  friend struct MechanismAccess;
  std::uint8_t number_ = 0;  // place in the registry, counted from 1; 0 is none
};

}  // namespace leat
