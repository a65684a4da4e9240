// Rankings that were made once, by what depends on the length of what is moved.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan/rank.h"

namespace leat {

/// One ranking for each class of lengths; those that are the same are kept once.
class RankingTable {
 public:
  /// Of what is kept for `length`, the first; none if nothing is.
  Mechanism first(std::uint64_t length) const noexcept { return first_[size_class(length)]; }
  /// Null: not kept yet.
  const Ranking* find(std::uint64_t length) const noexcept {
    const std::uint8_t number = numbers_[size_class(length)];
    return number == 0 ? nullptr : &rankings_[number - 1u];
  }
  /// The reference holds until the next call of this or `clear`.
  const Ranking& keep(std::uint64_t length, const Ranking& ranking) {
    auto kept = std::find(rankings_.begin(), rankings_.end(), ranking);
    if (kept == rankings_.end()) kept = rankings_.insert(kept, ranking);
    if (ranking.count > 0) first_[size_class(length)] = ranking.order[0];
    numbers_[size_class(length)] = static_cast<std::uint8_t>(kept - rankings_.begin() + 1);
    return *kept;
  }
  void clear() noexcept {
    numbers_ = {};
    first_ = {};
    rankings_.clear();
  }

 private:
  std::array<Mechanism, size_classes> first_{};
  std::array<std::uint8_t, size_classes> numbers_{};  // counted from 1
  std::vector<Ranking> rankings_;
};

}  // namespace leat
