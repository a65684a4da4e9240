// Whether one connection lends its memory by MSG_ZEROCOPY unasked. The kernel says afterwards, send
// by send, whether it copied all the same.
#pragma once

#include <algorithm>
#include <cstdint>

namespace leat {

/// Below this a copy is cheaper than the error queue's part of a send.
inline constexpr std::uint64_t worth_lending = 32 << 10;

/// Two sends in a row that were copied, or one that found no room, end the lending for a while: the
/// next `pause` transfers go another way, then one tries again. Each time the pause is doubled, up
/// to a bound; a send that was not copied starts afresh. So one send that was copied for a reason
/// of its own changes nothing, and a peer that moves to a better route is noticed.
class LendingTrial {
 public:
  static constexpr std::uint32_t strikes_to_pause = 2;
  static constexpr std::uint32_t first_pause = 8;
  static constexpr std::uint32_t longest_pause = 1024;

  /// For a transfer that begins and could lend. False: not now.
  bool begins() noexcept {
    if (left_ == 0) return true;
    --left_;
    return false;
  }
  void released(bool copied) noexcept {
    if (!copied) {
      strikes_ = 0;
      left_ = 0;
      pause_ = first_pause;
    } else if (++strikes_ >= strikes_to_pause) {
      take_a_break();
    }
  }
  /// ENOBUFS: optmem_max, locked memory or the lending budget is used up.
  void found_no_room() noexcept { take_a_break(); }

  /// Transfers that are still kept from lending.
  std::uint32_t left() const noexcept { return left_; }

 private:
  void take_a_break() noexcept {
    strikes_ = 0;
    left_ = pause_;
    pause_ = std::min(2 * pause_, longest_pause);
  }

  std::uint32_t strikes_ = 0;
  std::uint32_t left_ = 0;
  std::uint32_t pause_ = first_pause;
};

}  // namespace leat
