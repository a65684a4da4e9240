#include "bench/limiting_side.h"

#include <gtest/gtest.h>

namespace leat::app::bench {
namespace {

/// Nobody does anything; a receiver is there.
constexpr Busy idle{
    .sender = {}, .receiver = Side{}, .feeder = {}, .sender_slept = true, .disk_part = 0};

TEST(LimitingSide, IsTheProcessThatIsBusy) {
  Busy busy = idle;
  busy.sender.cpu = 0.95;
  busy.receiver->cpu = 0.5;
  EXPECT_EQ(limiting_side(busy), LimitingSide::sender_cpu);
  busy.sender.cpu = 0.5;
  busy.receiver->cpu = 0.9;
  EXPECT_EQ(limiting_side(busy), LimitingSide::receiver_cpu);
  busy.receiver->cpu = 0.5;
  busy.feeder = Side{.cpu = 0.99, .waited = 0};
  EXPECT_EQ(limiting_side(busy), LimitingSide::feeder_cpu);
}

TEST(LimitingSide, OfTwoThatAreBusyTheBusierOne) {
  Busy busy = idle;
  busy.sender.cpu = 0.92;
  busy.receiver->cpu = 0.97;
  EXPECT_EQ(limiting_side(busy), LimitingSide::receiver_cpu);
  busy.sender.cpu = 1.2;  // with workers of its own
  EXPECT_EQ(limiting_side(busy), LimitingSide::sender_cpu);
}

// Goal: three processes on two processors are not said to wait for each other. Method: each of them
// runs for two thirds of the time and is ready for the rest.
TEST(LimitingSide, IsTheBusiestWhereProcessorsAreShared) {
  Busy busy = idle;
  busy.sender = {.cpu = 0.65, .waited = 0.3};
  busy.receiver = Side{.cpu = 0.6, .waited = 0.35};
  busy.feeder = Side{.cpu = 0.7, .waited = 0.25};
  EXPECT_EQ(limiting_side(busy), LimitingSide::feeder_cpu);
  busy.sender.waited = busy.receiver->waited = busy.feeder->waited = 0;
  EXPECT_EQ(limiting_side(busy), LimitingSide::window);
}

TEST(LimitingSide, IsTheDiskIfNobodyIsBusy) {
  Busy busy = idle;
  busy.sender.cpu = 0.3;
  busy.disk_part = 1;
  EXPECT_EQ(limiting_side(busy), LimitingSide::disk);
  busy.disk_part = 0.49;
  EXPECT_EQ(limiting_side(busy), LimitingSide::window);
  busy.disk_part = 1;
  busy.sender.cpu = 0.95;
  EXPECT_EQ(limiting_side(busy), LimitingSide::sender_cpu);
}

TEST(LimitingSide, IsTheWindowIfTheyWaitForEachOther) {
  Busy busy = idle;
  busy.sender.cpu = 0.89;
  busy.receiver->cpu = 0.7;
  EXPECT_EQ(limiting_side(busy), LimitingSide::window);
}

TEST(LimitingSide, AProcessAloneSleepsForTheDiskOnly) {
  Busy busy = idle;
  busy.receiver.reset();
  busy.sender.cpu = 0.4;  // the disk has more to write than it can take, say
  EXPECT_EQ(limiting_side(busy), LimitingSide::disk);
  busy.sender_slept = false;
  EXPECT_EQ(limiting_side(busy), LimitingSide::sender_cpu);
}

TEST(LimitingSide, IsNamedForScriptsAndForPeople) {
  EXPECT_EQ(name_of(LimitingSide::receiver_cpu), "receiver_cpu");
  EXPECT_EQ(text_of(LimitingSide::receiver_cpu), "receiver CPU");
  EXPECT_EQ(name_of(LimitingSide::window), text_of(LimitingSide::window));
}

}  // namespace
}  // namespace leat::app::bench
