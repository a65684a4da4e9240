#include "bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace leat::app::bench {
namespace {

TEST(Median, OfOddEvenAndNone) {
  EXPECT_EQ(median(std::vector<double>{}), 0);
  EXPECT_EQ(median(std::vector<double>{7}), 7);
  EXPECT_EQ(median(std::vector<double>{9, 1, 5}), 5);
  EXPECT_EQ(median(std::vector<double>{9, 1, 5, 2}), 3.5);
  EXPECT_EQ(median(std::vector<double>{3, 3, 3, 1}), 3);
}

TEST(Median, LeavesItsInputAlone) {
  const std::vector<double> values{3, 1, 2};
  median(values);
  EXPECT_EQ(values, (std::vector<double>{3, 1, 2}));
}

TEST(MedianAbsoluteDeviation, IgnoresOneOutlier) {
  EXPECT_EQ(median_absolute_deviation(std::vector<double>{1, 1, 2, 2, 4, 6, 9}), 1);
  EXPECT_EQ(median_absolute_deviation(std::vector<double>{5, 5, 5, 1000}), 0);
}

TEST(Percentile, IsTheNearestRank) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(percentile(values, 0.5), 50);
  EXPECT_EQ(percentile(values, 0.99), 99);
  EXPECT_EQ(percentile(values, 1), 100);
  EXPECT_EQ(percentile(values, 0.001), 1);
  EXPECT_EQ(percentile(std::vector<double>{7}, 0.99), 7);
  EXPECT_EQ(percentile(std::vector<double>{}, 0.5), 0);
}

TEST(PairedRatio, EqualPairsHaveNoWidth) {
  const std::vector<double> measured{1, 2, 3, 4, 5, 6};
  const std::vector<double> baseline{2, 4, 6, 8, 10, 12};
  const Ratio ratio = paired_ratio(measured, baseline);
  EXPECT_EQ(ratio.ratio, 0.5);
  EXPECT_EQ(ratio.low, 0.5);
  EXPECT_EQ(ratio.high, 0.5);
  EXPECT_EQ(ratio.half_width(), 0);
}

TEST(PairedRatio, IsOfPairsAndNotOfMedians) {
  // A machine that becomes three times slower from round to round: each pair still says 0.5.
  const std::vector<double> measured{1, 3, 9, 27, 81, 243};
  const std::vector<double> baseline{2, 6, 18, 54, 162, 486};
  EXPECT_EQ(paired_ratio(measured, baseline).half_width(), 0);
}

TEST(PairedRatio, TooFewPairsAreNeverSettled) {
  for (const std::size_t pairs : {0u, 1u, 2u, 5u}) {
    const std::vector<double> measured(pairs, 1.0);
    const std::vector<double> baseline(pairs, 2.0);
    EXPECT_GT(paired_ratio(measured, baseline).half_width(), 1) << pairs;
  }
  EXPECT_EQ(paired_ratio(std::vector<double>{1}, std::vector<double>{2}).ratio, 0.5);
}

// Goal: the ranks are those of the published tables of the signed-rank test (two-sided, 5 %): 0, 3,
// 10 and 25 for 6, 8, 11 and 15 pairs, so that the interval runs from the mean of rank 1, 4, 11 or
// 26. Method: ratios whose logarithms are 2^i: each pair's mean is then a value of its own.
TEST(PairedRatio, TheIntervalHasTheRanksOfTheTables) {
  for (const auto& [pairs, rank] : {std::pair{6u, 1u}, {8u, 4u}, {11u, 11u}, {15u, 26u}}) {
    std::vector<double> logarithms;
    std::vector<double> measured;
    for (std::size_t i = 0; i < pairs; ++i) {
      logarithms.push_back(std::ldexp(1, static_cast<int>(i)) * 1e-4);
      measured.push_back(std::exp(logarithms.back()));
    }
    std::vector<double> means;
    for (std::size_t i = 0; i < pairs; ++i) {
      for (std::size_t j = i; j < pairs; ++j) {
        means.push_back((logarithms[i] + logarithms[j]) / 2);
      }
    }
    std::sort(means.begin(), means.end());
    const Ratio ratio = paired_ratio(measured, std::vector<double>(pairs, 1.0));
    EXPECT_NEAR(std::log(ratio.low), means[rank - 1], 1e-12) << pairs;
    EXPECT_NEAR(std::log(ratio.high), means[means.size() - rank], 1e-12) << pairs;
  }
}

TEST(PairedRatio, IsTheSameTheOtherWayRound) {
  const std::vector<double> measured{1.1, 0.9, 1.3, 1.0, 0.7, 1.2, 1.05};
  const std::vector<double> baseline{1, 1.2, 1.1, 0.8, 1, 0.9, 1};
  const Ratio there = paired_ratio(measured, baseline);
  const Ratio back = paired_ratio(baseline, measured);
  EXPECT_NEAR(there.ratio * back.ratio, 1, 1e-12);
  EXPECT_NEAR(there.low * back.high, 1, 1e-12);
  EXPECT_NEAR(there.high * back.low, 1, 1e-12);
}

TEST(PairedRatio, IsDeterministic) {
  const std::vector<double> measured{1.1, 0.9, 1.3, 1.0, 0.7, 1.2, 1.05};
  const std::vector<double> baseline{1, 1, 1, 1, 1, 1, 1};
  const Ratio first = paired_ratio(measured, baseline);
  const Ratio second = paired_ratio(measured, baseline);
  EXPECT_EQ(first.low, second.low);
  EXPECT_EQ(first.high, second.high);
  EXPECT_LE(first.low, first.ratio);
  EXPECT_LE(first.ratio, first.high);
  EXPECT_EQ(first.ratio, 1.05);
}

/// Ratios around `truth`, of logarithms that are spread evenly three times over.
class Noise {
 public:
  explicit Noise(unsigned seed) : random_(seed) {}
  double around(double truth, double spread) {
    return truth * std::exp(spread * (uniform() + uniform() + uniform() - 1.5));
  }

 private:
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }
  std::mt19937_64 random_;
};

// Goal: "95 %" is true. Method: many sets of 15 pairs drawn around a known median; count how often
// the interval holds it. A swapped tail or a 68 % interval is far outside of the bounds.
TEST(PairedRatio, IntervalHoldsTheTrueMedianAboutNinetyFiveTimesInAHundred) {
  Noise noise(1);
  int held = 0;
  constexpr int sets = 1000;
  for (int set = 0; set < sets; ++set) {
    std::vector<double> measured;
    for (int i = 0; i < 15; ++i) measured.push_back(noise.around(0.5, 1));
    const Ratio ratio = paired_ratio(measured, std::vector<double>(15, 1.0));
    held += (ratio.low <= 0.5 && 0.5 <= ratio.high) ? 1 : 0;
  }
  EXPECT_GE(held, sets * 93 / 100);
  EXPECT_LE(held, sets * 98 / 100);
}

// Goal: it stays true where the pairs end with the first interval that is narrow enough.
TEST(PairedRatio, StoppingWhenNarrowKeepsTheInterval) {
  Noise noise(2);
  int held = 0;
  constexpr int sets = 1000;
  for (int set = 0; set < sets; ++set) {
    std::vector<double> measured;
    Ratio ratio{.ratio = 1, .low = 0, .high = 9};
    while (measured.size() < 11 || (measured.size() < 60 && ratio.half_width() > 0.07)) {
      measured.push_back(noise.around(1, 0.3));
      ratio = paired_ratio(measured, std::vector<double>(measured.size(), 1.0));
    }
    held += (ratio.low <= 1 && 1 <= ratio.high) ? 1 : 0;
  }
  EXPECT_GE(held, sets * 92 / 100);
}

TEST(PairedRatio, NarrowsWithMorePairs) {
  std::mt19937_64 random(2);
  std::vector<double> few;
  std::vector<double> many;
  for (int i = 0; i < 60; ++i) {
    const double value = 1 + static_cast<double>(random() % 1000) / 1000;
    if (i < 6) few.push_back(value);
    many.push_back(value);
  }
  EXPECT_LT(paired_ratio(many, std::vector<double>(60, 1.0)).half_width(),
            paired_ratio(few, std::vector<double>(6, 1.0)).half_width());
}

}  // namespace
}  // namespace leat::app::bench
