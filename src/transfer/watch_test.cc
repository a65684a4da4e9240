// Goal: one descriptor stands for many Waits, and each waiter hears exactly its own events.

#include <poll.h>

#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <leat/watch.h>

#include "os/stream.h"
#include "os/wait.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

struct Sleeper final : Watch::Waiter {
  void wake() noexcept override { ++wakes; }
  int wakes = 0;
};

Wait wait_for_one(FdRef fd, short events) {
  Wait wait;
  wait.slots[0] = {fd, events, WaitFd::Role::source};
  wait.count = 1;
  return wait;
}

class WatchTest : public GuardedTest {
 protected:
  Context context_ = make_context();
  Watch watch_ = std::move(*Watch::create(context_));
  Pair one_ = make_unix_pair();
  Pair two_ = make_unix_pair();
  Sleeper first_;
  Sleeper second_;

  bool readable() { return os::ready_events(watch_.fd(), POLLIN) != 0; }
  static void send_to(const Pair& pair) {
    ASSERT_TRUE(os::send(pair.to, std::as_bytes(std::span(std::string_view("x"))), {}));
  }
};

TEST_F(WatchTest, wakes_whom_something_happened_to) {
  ASSERT_TRUE(watch_.arm(wait_for_one(one_.from, POLLIN), first_));
  ASSERT_TRUE(watch_.arm(wait_for_one(two_.from, POLLIN), second_));
  EXPECT_FALSE(readable());
  send_to(two_);
  EXPECT_TRUE(readable());
  watch_.dispatch();
  EXPECT_EQ(first_.wakes, 0);
  EXPECT_EQ(second_.wakes, 1);
}

TEST_F(WatchTest, wakes_once_until_it_is_armed_again) {
  const Wait wait = wait_for_one(one_.from, POLLIN);
  ASSERT_TRUE(watch_.arm(wait, first_));
  send_to(one_);
  watch_.dispatch();
  watch_.dispatch();
  EXPECT_EQ(first_.wakes, 1);
  EXPECT_FALSE(readable()) << "nobody waits for it";
  watch_.disarm(wait, first_);
  ASSERT_TRUE(watch_.arm(wait, first_));
  EXPECT_TRUE(readable()) << "it is ready still";
  watch_.dispatch();
  EXPECT_EQ(first_.wakes, 2);
}

TEST_F(WatchTest, two_may_wait_for_one_descriptor) {
  const Wait reading = wait_for_one(one_.from, POLLIN);
  const Wait writing = wait_for_one(one_.from, POLLOUT);
  ASSERT_TRUE(watch_.arm(reading, first_));
  ASSERT_TRUE(watch_.arm(writing, second_));
  watch_.dispatch();
  EXPECT_EQ(first_.wakes, 0) << "it is writable, not readable";
  EXPECT_EQ(second_.wakes, 1);
  watch_.disarm(writing, second_);
  EXPECT_FALSE(readable());
  send_to(one_);
  watch_.dispatch();
  EXPECT_EQ(first_.wakes, 1);
  EXPECT_EQ(second_.wakes, 1);
}

TEST_F(WatchTest, a_hang_up_is_everybodys) {
  ASSERT_TRUE(watch_.arm(wait_for_one(one_.from, 0), first_));
  ASSERT_TRUE(watch_.arm(wait_for_one(one_.from, POLLIN), second_));
  one_.to.reset();
  watch_.dispatch();
  EXPECT_EQ(first_.wakes, 1);
  EXPECT_EQ(second_.wakes, 1);
}

TEST_F(WatchTest, who_is_disarmed_sleeps_on) {
  const Wait wait = wait_for_one(one_.from, POLLIN);
  ASSERT_TRUE(watch_.arm(wait, first_));
  watch_.disarm(wait, first_);
  send_to(one_);
  EXPECT_FALSE(readable());
  watch_.dispatch();
  EXPECT_EQ(first_.wakes, 0);
  watch_.disarm(wait, first_);  // once more does no harm
}

TEST_F(WatchTest, both_descriptors_of_a_wait_wake) {
  Wait wait = wait_for_one(one_.from, POLLIN);
  wait.slots[1] = {two_.to, 0, WaitFd::Role::sink};
  wait.count = 2;
  ASSERT_TRUE(watch_.arm(wait, first_));
  two_.from.reset();
  watch_.dispatch();
  EXPECT_EQ(first_.wakes, 1);
  watch_.disarm(wait, first_);
  EXPECT_FALSE(readable());
}

TEST_F(WatchTest, one_descriptor_may_be_both_of_a_wait) {
  Wait wait = wait_for_one(one_.from, POLLIN);
  wait.slots[1] = {one_.from, 0, WaitFd::Role::sink};
  wait.count = 2;
  ASSERT_TRUE(watch_.arm(wait, first_));
  send_to(one_);
  watch_.dispatch();
  EXPECT_GE(first_.wakes, 1);
  watch_.disarm(wait, first_);
  EXPECT_FALSE(readable());
}

TEST_F(WatchTest, says_what_it_cannot_watch) {
  const OwnedFd file = file_with({});
  const Wait wait = wait_for_one(file, POLLIN);
  EXPECT_FALSE(watch_.arm(wait, first_));
  watch_.disarm(wait, first_);
}

TEST_F(WatchTest, a_descriptor_that_was_closed_and_whose_number_lives_on) {
  const Wait old = wait_for_one(one_.from, POLLIN);
  ASSERT_TRUE(watch_.arm(old, first_));
  watch_.disarm(old, first_);
  one_ = make_unix_pair();
  ASSERT_TRUE(watch_.arm(wait_for_one(one_.from, POLLIN), first_));
  send_to(one_);
  watch_.dispatch();
  EXPECT_EQ(first_.wakes, 1);
}

TEST_F(WatchTest, polls_its_context) {
  Transfer transfer =
      Transfer::start(context_, Source::socket(one_.from.ref()), Sink::socket(two_.to.ref()));
  int calls = 0;
  transfer.on_runnable([&] { ++calls; });
  EXPECT_EQ(transfer.step().state, State::blocked);
  transfer.cancel();
  EXPECT_TRUE(readable());
  watch_.dispatch();
  EXPECT_EQ(calls, 1);
}

TEST_F(WatchTest, goes_on_with_a_context_that_moved) {
  Transfer transfer =
      Transfer::start(context_, Source::socket(one_.from.ref()), Sink::socket(two_.to.ref()));
  int calls = 0;
  transfer.on_runnable([&] { ++calls; });
  ASSERT_EQ(transfer.step().state, State::blocked);
  Context moved = std::move(context_);
  transfer.cancel();
  watch_.dispatch();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(readable()) << "it is runnable still";
  context_ = std::move(moved);  // which the watch must not outlive
}

TEST_F(WatchTest, needs_an_epoll_instance) {
  for (const std::string_view call : {"epoll_create1", "epoll_ctl"}) {
    const ScopedFaults faults({{.call = call, .error_number = ENOMEM}});
    const auto watch = Watch::create(context_);
    ASSERT_FALSE(watch);
    EXPECT_TRUE(watch.error().is(ENOMEM));
  }
}

}  // namespace
}  // namespace leat::testing
