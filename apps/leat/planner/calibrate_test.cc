// Goal: calibrating orders ways as they stand to each other. Method: rounds of chosen lengths.

#include "planner/calibrate.h"

#include <vector>

#include <gtest/gtest.h>

namespace leat::app::planner {
namespace {

using Ways = std::vector<std::vector<double>>;

TEST(Calibrate, AWayThatAlwaysTakesTwiceAsLongCostsTwiceAsMuch) {
  const auto typical = typical_seconds(Ways{{1, 1, 1}, {2, 2, 2}});
  ASSERT_EQ(typical.size(), 2u);
  EXPECT_DOUBLE_EQ(typical[0], 1);
  EXPECT_DOUBLE_EQ(typical[1], 2);
}

TEST(Calibrate, ASlowOrQuickRoundIsSoForAll) {
  const auto typical = typical_seconds(Ways{{1, 10, 1, 0.1, 1}, {1.5, 15, 1.5, 0.15, 1.5}});
  EXPECT_DOUBLE_EQ(typical[0], 1);
  EXPECT_DOUBLE_EQ(typical[1], 1.5);
}

// The shortest run of the slower way is the shortest of all.
TEST(Calibrate, OneLuckyRunDoesNotMakeAWayTheBest) {
  const auto typical = typical_seconds(Ways{{1, 1, 1, 1, 1}, {1.2, 1.2, 0.5, 1.2, 1.2}});
  EXPECT_DOUBLE_EQ(typical[1] / typical[0], 1.2);
}

TEST(Calibrate, OneMishapDoesNotMakeAWayTheWorst) {
  const auto typical = typical_seconds(Ways{{1, 9, 1, 1, 1}, {1.2, 1.2, 1.2, 1.2, 1.2}});
  EXPECT_DOUBLE_EQ(typical[1] / typical[0], 1.2);
}

// It had the two slow rounds only, and takes twice as long as the others there.
TEST(Calibrate, AWayWithFewerRoundsIsComparedInThose) {
  const auto typical = typical_seconds(Ways{{10, 10, 1, 1, 1}, {20, 20}, {10, 10, 1, 1, 1}});
  EXPECT_DOUBLE_EQ(typical[1] / typical[0], 2);
  EXPECT_DOUBLE_EQ(typical[0], 1);
}

TEST(Calibrate, WhatTakesHalfAsLongAgainAsTheBestIsHopeless) {
  EXPECT_FALSE(is_hopeless(1, 1));
  EXPECT_FALSE(is_hopeless(1.4, 1));
  EXPECT_TRUE(is_hopeless(1.6, 1));
}

TEST(Calibrate, WithoutAnythingToCompareThereIsNothing) {
  EXPECT_TRUE(typical_seconds({}).empty());
}

}  // namespace
}  // namespace leat::app::planner
