#include "os/ring_memory.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace leat::os {

void RegisteredMemory::add(std::span<const std::span<std::byte>> stretches,
                           std::shared_ptr<const void> owner) {
  for (const std::span<std::byte> stretch : stretches) {
    const auto begin = reinterpret_cast<std::uintptr_t>(stretch.data());
    stretches_.push_back(
        {begin, begin + stretch.size(), static_cast<std::uint16_t>(stretches_.size())});
    bytes_ += stretch.size();
  }
  std::ranges::sort(stretches_, {}, &Stretch::begin);
  owners_.push_back(std::move(owner));
}

std::optional<std::uint16_t> RegisteredMemory::place_of(
    std::span<const std::byte> bytes) const noexcept {
  if (stretches_.empty() || bytes.empty()) return std::nullopt;
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  const auto behind = std::ranges::upper_bound(stretches_, begin, {}, &Stretch::begin);
  if (behind == stretches_.begin()) return std::nullopt;
  const Stretch& stretch = *std::prev(behind);
  // It may also lie behind its end.
  if (begin >= stretch.end || bytes.size() > stretch.end - begin) return std::nullopt;
  return stretch.place;
}

}  // namespace leat::os
