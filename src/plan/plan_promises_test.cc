// Goal: whatever the facts, the options and the costs are, a plan keeps its promises. Method:
// random ones, by tens of thousands; the fuzzer `planner` goes on from there.

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>

#include <gtest/gtest.h>

#include "support/plan_model.h"

namespace leat::testing {
namespace {

TEST(PlanPromises, hold_for_random_facts_needs_and_costs) {
  std::mt19937 random(20'261'128);
  std::array<std::uint8_t, 160> bytes;
  for (int round = 0; round < 20'000; ++round) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const std::size_t size = round % 4 == 0 ? 48 : bytes.size();  // few costs, or none
    const PlanInput input{std::span(bytes).first(size)};
    ASSERT_EQ(broken_promise(input), "") << "round " << round;
  }
}

}  // namespace
}  // namespace leat::testing
