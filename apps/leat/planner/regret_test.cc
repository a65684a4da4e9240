// Goal: the bounds of `leat bench planner` are held against the cells that count, and only those.
// Method: results of chosen figures.

#include "planner/regret.h"

#include <vector>

#include <gtest/gtest.h>

namespace leat::app::planner {
namespace {

CellResult result(bench::Ratio to_best, bench::Ratio to_read_write, double noise = 0.05) {
  CellResult made{};
  made.wall.ratio = made.cpu.ratio = to_best;
  made.wall_to_read_write = made.cpu_to_read_write = to_read_write;
  made.noise = noise;
  return made;
}

constexpr bench::Ratio as_good{1.01, 0.98, 1.04};
constexpr bench::Ratio slow{1.2, 1.16, 1.25};
constexpr bench::Ratio maybe_slow{1.2, 1.14, 1.25};

TEST(RegretSummary, KeepsItsBoundsWhereEveryCellIsAsGoodAsTheBest) {
  const std::vector results{result(as_good, as_good), result(as_good, as_good)};
  const RegretSummary summary = summarize(results);
  EXPECT_EQ(summary.counted, 2u);
  EXPECT_NEAR(summary.median_wall, 0.01, 1e-9);
  EXPECT_TRUE(summary.keeps_bounds());
}

TEST(RegretSummary, IsBrokenByAnIntervalWhollyBeyondABound) {
  const std::vector beyond_best{result(slow, as_good), result(as_good, as_good),
                                result(as_good, as_good)};
  EXPECT_EQ(summarize(beyond_best).above_best.size(), 1u);
  EXPECT_FALSE(summarize(beyond_best).keeps_bounds());
  const std::vector beyond_read_write{result(as_good, {1.1, 1.06, 1.2})};
  EXPECT_EQ(summarize(beyond_read_write).above_read_write.size(), 1u);
  EXPECT_FALSE(summarize(beyond_read_write).keeps_bounds());
}

TEST(RegretSummary, IsNotBrokenByAnIntervalThatReachesBelowTheBound) {
  const std::vector results{result(maybe_slow, as_good), result(as_good, {1.1, 1.04, 1.2}),
                            result(as_good, as_good)};
  EXPECT_TRUE(summarize(results).keeps_bounds());
}

TEST(RegretSummary, IsBrokenByTheMedian) {
  const std::vector results{result({1.04, 1, 1.1}, as_good)};
  EXPECT_FALSE(summarize(results).keeps_bounds());
}

TEST(RegretSummary, LeavesNoisyCellsOut) {
  const std::vector results{result(slow, slow, 0.11), result(as_good, as_good, 0.10)};
  const RegretSummary summary = summarize(results);
  EXPECT_EQ(summary.cells, 2u);
  EXPECT_EQ(summary.counted, 1u);
  ASSERT_EQ(summary.uncounted.size(), 1u);
  EXPECT_EQ(summary.uncounted[0], &results[0]);
  EXPECT_TRUE(summary.keeps_bounds());
}

}  // namespace
}  // namespace leat::app::planner
