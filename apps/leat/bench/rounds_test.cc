#include "bench/rounds.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace leat::app::bench {
namespace {

TEST(OrderOfRound, HasEveryRowOnce) {
  for (const std::size_t rows : {0u, 1u, 2u, 9u}) {
    for (int round = 0; round < 5; ++round) {
      std::vector<std::size_t> order = order_of_round(rows, round);
      std::sort(order.begin(), order.end());
      ASSERT_EQ(order.size(), rows);
      for (std::size_t i = 0; i < rows; ++i) EXPECT_EQ(order[i], i);
    }
  }
}

TEST(OrderOfRound, EverySecondOneIsReversed) {
  std::vector<std::size_t> order = order_of_round(7, 4);
  std::reverse(order.begin(), order.end());
  EXPECT_EQ(order, order_of_round(7, 5));
  EXPECT_NE(order_of_round(7, 4), order_of_round(7, 6));
}

// Goal: no row has a neighbour that it always runs after. Method: count who follows whom in many
// rounds; all ordered pairs come up about as often as the others.
TEST(OrderOfRound, EveryRowFollowsEveryOther) {
  constexpr std::size_t rows = 6;
  constexpr int rounds = 600;
  std::map<std::pair<std::size_t, std::size_t>, int> follows;
  for (int round = 0; round < rounds; ++round) {
    const std::vector<std::size_t> order = order_of_round(rows, round);
    for (std::size_t i = 1; i < rows; ++i) ++follows[{order[i - 1], order[i]}];
  }
  ASSERT_EQ(follows.size(), rows * (rows - 1));
  for (const auto& [pair, count] : follows) {
    EXPECT_GT(count, rounds / 6 / 2) << pair.first << " before " << pair.second;
    EXPECT_LT(count, rounds / 6 * 2) << pair.first << " before " << pair.second;
  }
}

}  // namespace
}  // namespace leat::app::bench
