// Which memory the kernel knows by its place in a ring's table; no system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace leat::os {

/// Stretches of memory that are registered with one ring, and what keeps them: memory that is given
/// back and mapped anew by somebody else must not be taken for what the kernel has pinned.
class RegisteredMemory {
 public:
  /// So many stretches have a place. Pools map 2 MiB at once, or a larger block.
  static constexpr std::size_t most = 4096;

  /// They have the places from count() on.
  void add(std::span<const std::span<std::byte>> stretches, std::shared_ptr<const void> owner);
  std::size_t count() const noexcept { return stretches_.size(); }
  std::uint64_t bytes() const noexcept { return bytes_; }
  /// The place of the stretch that has all of `bytes`, if one has.
  std::optional<std::uint16_t> place_of(std::span<const std::byte> bytes) const noexcept;

 private:
  struct Stretch {
    std::uintptr_t begin;
    std::uintptr_t end;
    std::uint16_t place;
  };
  std::vector<Stretch> stretches_;  // by address
  std::vector<std::shared_ptr<const void>> owners_;
  std::uint64_t bytes_ = 0;
};

}  // namespace leat::os
