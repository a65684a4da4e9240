// Goal: a rate is kept over any time, in smooth helpings. Method: the clock is an argument.

#include "transfer/pace.h"

#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

namespace leat::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint start = TimePoint(seconds(1'000'000));

Pace pace_of(std::uint64_t rate) {
  Pace pace;
  pace.set(rate);
  return pace;
}

TEST(PaceTest, no_rate_is_no_limit) {
  EXPECT_FALSE(Pace().limited());
  EXPECT_FALSE(pace_of(0).limited());
  EXPECT_TRUE(pace_of(1).limited());
}

TEST(PaceTest, begins_with_one_helping_and_waits_for_the_next) {
  Pace pace = pace_of(1000);
  ASSERT_EQ(pace.available(start), 20u);
  pace.spend(20);
  EXPECT_EQ(pace.available(start + milliseconds(19)), 0u);
  EXPECT_EQ(pace.next_helping(), start + milliseconds(20));
  EXPECT_EQ(pace.available(start + milliseconds(20)), 20u);
}

TEST(PaceTest, what_was_not_spent_stays) {
  Pace pace = pace_of(1000);
  ASSERT_EQ(pace.available(start), 20u);
  pace.spend(5);
  EXPECT_EQ(pace.available(start), 15u);
  EXPECT_EQ(pace.available(start + milliseconds(20)), 35u);
  pace.spend(1000);
  EXPECT_EQ(pace.available(start + milliseconds(20)), 0u) << "a step may overdraw; no debt is kept";
}

// Time asleep must not come as one burst.
TEST(PaceTest, idle_time_earns_little) {
  Pace pace = pace_of(1000);
  pace.available(start);
  EXPECT_EQ(pace.available(start + seconds(3600)), 80u);
  pace.spend(80);
  EXPECT_EQ(pace.available(start + seconds(3600) + milliseconds(19)), 0u);
}

TEST(PaceTest, keeps_the_rate_over_time) {
  for (const std::uint64_t rate :
       {1ul, 3ul, 49ul, 51ul, 99ul, 1000ul, 1'000'003ul, 10'000'000'000ul})
    for (const auto tick : {milliseconds(1), milliseconds(7), milliseconds(33)}) {
      Pace pace = pace_of(rate);
      std::uint64_t moved = 0;
      for (auto time = milliseconds(0); time < seconds(60); time += tick) {
        const std::uint64_t helping = pace.available(start + time);
        pace.spend(helping);
        moved += helping;
      }
      const double ratio = static_cast<double>(moved) / (60.0 * static_cast<double>(rate));
      EXPECT_GT(ratio, 0.97) << rate << " bytes a second, looked at each " << tick.count() << " ms";
      EXPECT_LT(ratio, 1.03) << rate << " bytes a second, looked at each " << tick.count() << " ms";
    }
}

TEST(PaceTest, the_next_helping_always_has_something) {
  for (const std::uint64_t rate : {std::uint64_t{1}, std::uint64_t{77}, UINT64_MAX}) {
    Pace pace = pace_of(rate);
    TimePoint now = start;
    for (int i = 0; i < 100; ++i) {
      pace.spend(pace.available(now));
      ASSERT_GT(pace.next_helping(), now);
      now = pace.next_helping();
      ASSERT_GT(pace.available(now), 0u) << "a wake-up for nothing";
    }
  }
}

TEST(PaceTest, a_clock_that_stands_still_earns_nothing) {
  Pace pace = pace_of(1000);
  pace.spend(pace.available(start));
  EXPECT_EQ(pace.available(start), 0u);
  EXPECT_EQ(pace.available(start - seconds(5)), 0u);
}

}  // namespace
}  // namespace leat::testing
