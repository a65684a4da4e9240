// Short transfers of memory by the context's ring, again and again, two at a time. A wake-up that
// is lost costs a transfer its deadline: poll(2) and epoll(7) look again only at their timeouts.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "seam/scene.h"
#include "support/streams.h"

namespace leat::testing {

class Rounds {
 public:
  static constexpr int count = 1000;
  static constexpr std::size_t lanes = 2;
  /// Of what may be lent: some transfers need two sends, and they wait for each other's.
  static constexpr std::uint64_t budget = 2500;
  /// For each transfer, and for all of them together.
  static constexpr std::chrono::seconds patience{30};

  static Mechanism mechanism() { return *Mechanism::named("uring_send_zc"); }
  /// Empty, or why there is no ring for it (for GTEST_SKIP).
  static std::string unavailable() {
    const auto missing = mechanism().unavailable();
    return missing.empty() ? "" : "no zero-copy send here: " + std::string(missing);
  }

  Rounds();
  /// The next short transfer over the socket of `lane`.
  Scene::Act next(std::size_t lane);
  void ended(const Receipt& receipt);
  /// After all have ended: what is wrong.
  std::string examine();

 private:
  struct Lane {
    OwnedFd socket;
    std::optional<Drainer> reader;
    std::uint64_t position = 0;
    std::uint64_t seed = 0;
  };
  std::array<Lane, lanes> lanes_;
  std::uint64_t ended_ = 0;
  std::string trouble_;
};

inline std::string name_of_use(const ::testing::TestParamInfo<RingUse>& use) {
  return use.param == RingUse::movable ? "movable" : "thread_bound";
}

}  // namespace leat::testing
