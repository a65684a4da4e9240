#include "bench/limiting_side.h"

#include <gtest/gtest.h>

namespace leat::app::bench {
namespace {

/// A second in which 1000 bytes go to a receiver, and nobody does anything.
constexpr Busy idle{.wall_s = 1,
                    .sender_cpu_s = 0,
                    .receiver_cpu_s = 0,
                    .feeder_cpu_s = {},
                    .disk_bytes = 0,
                    .payload_bytes = 1000,
                    .processors = 4};

TEST(LimitingSide, IsTheProcessThatIsBusy) {
  Busy busy = idle;
  busy.sender_cpu_s = 0.95;
  busy.receiver_cpu_s = 0.5;
  EXPECT_EQ(limiting_side(busy), LimitingSide::sender_cpu);
  busy.sender_cpu_s = 0.5;
  busy.receiver_cpu_s = 0.9;
  EXPECT_EQ(limiting_side(busy), LimitingSide::receiver_cpu);
  busy.receiver_cpu_s = 0.5;
  busy.feeder_cpu_s = 0.99;
  EXPECT_EQ(limiting_side(busy), LimitingSide::feeder_cpu);
}

TEST(LimitingSide, OfTwoThatAreBusyTheBusierOne) {
  Busy busy = idle;
  busy.sender_cpu_s = 0.92;
  busy.receiver_cpu_s = 0.97;
  EXPECT_EQ(limiting_side(busy), LimitingSide::receiver_cpu);
  busy.sender_cpu_s = 1.2;  // with workers of its own
  EXPECT_EQ(limiting_side(busy), LimitingSide::sender_cpu);
}

// Goal: three processes on two processors are not said to wait for each other. Method: together
// they fill both, each of them is busy for less than 90 %.
TEST(LimitingSide, IsTheBusiestWhereProcessorsAreShared) {
  Busy busy = idle;
  busy.sender_cpu_s = 0.6;
  busy.receiver_cpu_s = 0.5;
  busy.feeder_cpu_s = 0.7;
  busy.processors = 2;
  EXPECT_EQ(limiting_side(busy), LimitingSide::feeder_cpu);
  busy.processors = 4;
  EXPECT_EQ(limiting_side(busy), LimitingSide::window);
}

TEST(LimitingSide, IsTheDiskIfNobodyIsBusy) {
  Busy busy = idle;
  busy.sender_cpu_s = 0.3;
  busy.disk_bytes = 1000;
  EXPECT_EQ(limiting_side(busy), LimitingSide::disk);
  busy.disk_bytes = 499;
  EXPECT_EQ(limiting_side(busy), LimitingSide::window);
  busy.disk_bytes = 1000;
  busy.sender_cpu_s = 0.95;
  EXPECT_EQ(limiting_side(busy), LimitingSide::sender_cpu);
}

TEST(LimitingSide, IsTheWindowIfTheyWaitForEachOther) {
  Busy busy = idle;
  busy.sender_cpu_s = 0.89;
  busy.receiver_cpu_s = 0.7;
  EXPECT_EQ(limiting_side(busy), LimitingSide::window);
}

TEST(LimitingSide, AProcessAloneWaitsForNobody) {
  Busy busy = idle;
  busy.receiver_cpu_s.reset();
  busy.sender_cpu_s = 0.4;  // other programs have the rest
  EXPECT_EQ(limiting_side(busy), LimitingSide::sender_cpu);
  busy.disk_bytes = 1000;
  EXPECT_EQ(limiting_side(busy), LimitingSide::disk);
}

TEST(LimitingSide, IsNamedForScriptsAndForPeople) {
  EXPECT_EQ(name_of(LimitingSide::receiver_cpu), "receiver_cpu");
  EXPECT_EQ(text_of(LimitingSide::receiver_cpu), "receiver CPU");
  EXPECT_EQ(name_of(LimitingSide::window), text_of(LimitingSide::window));
}

}  // namespace
}  // namespace leat::app::bench
