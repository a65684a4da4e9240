// Goal: what the kernel says of earlier transfers changes the next ones, not for ever, and the
// receipt shows it. Method: a loopback, which copies whatever it is lent, under a connection that
// is told that its route promises well; injected ENOBUFS and EXDEV.

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/plan.h>
#include <leat/transfer.h>

#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/seam.h"
#include "support/streams.h"
#include "transfer/connection_state.h"
#include "transfer/context_state.h"

namespace leat::testing {
namespace {

TEST(LendingTrial, pauses_after_two_copied_sends_and_tries_again) {
  LendingTrial trial;
  EXPECT_TRUE(trial.begins());
  trial.released(true);
  EXPECT_TRUE(trial.begins()) << "one may have a reason of its own";
  trial.released(true);
  for (std::uint32_t i = 0; i < LendingTrial::first_pause; ++i) EXPECT_FALSE(trial.begins()) << i;
  EXPECT_TRUE(trial.begins());
}

TEST(LendingTrial, pauses_longer_each_time_up_to_a_bound) {
  LendingTrial trial;
  std::uint32_t expected = LendingTrial::first_pause;
  for (int round = 0; round < 12; ++round) {
    trial.released(true);
    trial.released(true);
    EXPECT_EQ(trial.left(), expected);
    expected = std::min(2 * expected, LendingTrial::longest_pause);
  }
}

TEST(LendingTrial, starts_afresh_after_a_send_that_was_not_copied) {
  LendingTrial trial;
  for (int round = 0; round < 3; ++round) trial.found_no_room();
  EXPECT_GT(trial.left(), LendingTrial::first_pause);
  trial.released(false);
  EXPECT_TRUE(trial.begins());
  trial.released(true);
  trial.released(false);
  trial.released(true);
  EXPECT_TRUE(trial.begins()) << "not two in a row";
  trial.found_no_room();
  EXPECT_EQ(trial.left(), LendingTrial::first_pause);
}

TEST(RefusedPairs, are_kept_by_volume_for_a_while) {
  RefusedPairs pairs;
  const SourceFacts file{.kind = Kind::file, .volume = {.device = 7}};
  const SinkFacts here{.kind = Kind::file, .volume = {.device = 8}};
  const SinkFacts there{.kind = Kind::file, .volume = {.device = 9}};
  pairs.add(file, here, 3);
  pairs.add(file, here, 5);
  EXPECT_EQ(pairs.closed(file, here), 1u << 3 | 1u << 5);
  EXPECT_EQ(pairs.closed(file, there), 0u);
  for (std::uint32_t i = 1; i < RefusedPairs::remembered_for; ++i)
    EXPECT_NE(pairs.closed(file, here), 0u) << i;
  EXPECT_EQ(pairs.closed(file, here), 0u) << "device numbers are used again";
}

TEST(RefusedPairs, do_not_remember_what_nobody_looked_at) {
  RefusedPairs pairs;
  const SourceFacts file{.kind = Kind::file};
  const SinkFacts socket{.kind = Kind::socket};
  pairs.add(file, socket, 3);
  EXPECT_EQ(pairs.closed(file, socket), 0u);
  const SinkFacts unseen{.kind = Kind::file};
  pairs.add({.kind = Kind::pipe}, unseen, 3);
  EXPECT_EQ(pairs.closed({.kind = Kind::pipe}, unseen), 0u);
}

TEST(RefusedPairs, are_told_apart_by_either_end) {
  RefusedPairs pairs;
  const SourceFacts file{.kind = Kind::file, .volume = {.device = 7}};
  const SourceFacts other{.kind = Kind::file, .volume = {.device = 8}};
  const SinkFacts socket{.kind = Kind::socket};
  pairs.add(file, socket, 3);
  EXPECT_EQ(pairs.closed(other, socket), 0u);
  EXPECT_EQ(pairs.closed({.kind = Kind::pipe}, socket), 0u);
  EXPECT_EQ(pairs.closed(file, {.kind = Kind::pipe}), 0u);
  EXPECT_EQ(pairs.closed(file, socket), 1u << 3);
}

TEST(RefusedPairs, are_kept_for_as_long_again_when_they_refuse_again) {
  RefusedPairs pairs;
  const SourceFacts file{.kind = Kind::file, .volume = {.device = 7}};
  const SinkFacts socket{.kind = Kind::socket};
  pairs.add(file, socket, 3);
  pairs.closed(file, socket);
  pairs.add(file, socket, 5);
  for (std::uint32_t i = 0; i < RefusedPairs::remembered_for; ++i)
    EXPECT_NE(pairs.closed(file, socket), 0u) << i;
  EXPECT_EQ(pairs.closed(file, socket), 0u);
}

TEST(RefusedPairs, make_room_for_new_ones) {
  RefusedPairs pairs;
  const SinkFacts pipe{.kind = Kind::pipe};
  const auto on = [](std::uint64_t device) {
    return SourceFacts{.kind = Kind::file, .volume = {.device = device}};
  };
  for (std::uint64_t device = 1; device <= 17; ++device) pairs.add(on(device), pipe, 1);
  EXPECT_EQ(pairs.closed(on(1), pipe), 0u);
  EXPECT_EQ(pairs.closed(on(17), pipe), 1u << 1);
}

class AdaptationTest : public GuardedTest {
 protected:
  AdaptationTest() : connection_(*Connection::adopt(context_, std::move(pair_.to))) {
    // The loopback promises nothing; here it is to be tried.
    state().is_route_known = true;
  }
  ConnectionState& state() { return ConnectionAccess::state(connection_); }

  Slice slice(std::size_t size) {
    Buffer buffer = *Buffer::pages(size);
    return std::move(buffer).freeze(size);
  }
  // Sends it, has the peer take it, and waits for the kernel's verdict.
  Receipt send(const Slice& bytes) {
    Receipt receipt = transfer(context_, Source(bytes), Sink(connection_));
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
    take(bytes.size());
    EXPECT_TRUE(connection_.settle(receipt, {}));
    return receipt;
  }
  void take(std::size_t count) {
    std::vector<char> room(count);
    while (count > 0) {
      wait_for(pair_.from, POLLIN);
      const ssize_t got = ::recv(pair_.from.number(), room.data(), count, 0);
      ASSERT_GT(got, 0);
      count -= static_cast<std::size_t>(got);
    }
  }
  static bool has_leg(const Receipt& receipt, std::string_view name) {
    for (const Leg& leg : receipt.legs)
      if (leg.mechanism.name() == name && leg.bytes > 0) return true;
    return false;
  }

  Pair pair_ = make_tcp_pair();
  Context context_ = *Context::create({.sigpipe = Sigpipe::ignored_by_caller});
  Connection connection_;
};

TEST_F(AdaptationTest, lends_unasked_until_the_kernel_says_that_it_copied) {
  const Slice bytes = slice(worth_lending);
  for (std::uint32_t i = 0; i < LendingTrial::strikes_to_pause; ++i) {
    const Receipt lent = send(bytes);
    EXPECT_TRUE(has_leg(lent, "zerocopy_send")) << describe(lent);
    EXPECT_EQ(lent.legs[0].cpu_copied_bytes, bytes.size()) << "a loopback copies";
  }
  for (std::uint32_t i = 0; i < LendingTrial::first_pause; ++i) {
    const Receipt copied = send(bytes);
    EXPECT_FALSE(has_leg(copied, "zerocopy_send")) << describe(copied);
    ASSERT_EQ(copied.refusals.size(), 1u) << describe(copied);
    EXPECT_EQ(copied.refusals[0].mechanism.name(), "zerocopy_send");
    EXPECT_EQ(copied.refusals[0].count, 0u);
    EXPECT_TRUE(copied.refusals[0].reason.contains("tried again"));
  }
  EXPECT_TRUE(has_leg(send(bytes), "zerocopy_send")) << "not for ever";
}

TEST_F(AdaptationTest, a_plan_names_the_way_that_the_next_transfer_takes) {
  const Slice bytes = slice(worth_lending);
  const std::uint32_t rounds = LendingTrial::strikes_to_pause + LendingTrial::first_pause + 1;
  std::uint32_t lent = 0;
  for (std::uint32_t i = 0; i < rounds; ++i) {
    const Mechanism planned = plan(Source(bytes), Sink(connection_)).chosen();
    EXPECT_EQ(plan(Source(bytes), Sink(connection_)).chosen(), planned) << "a plan spends nothing";
    const Receipt receipt = send(bytes);
    EXPECT_TRUE(moved_by_alone(receipt, planned)) << planned.name() << ": " << describe(receipt);
    lent += planned.name() == "zerocopy_send";
  }
  EXPECT_EQ(lent, LendingTrial::strikes_to_pause + 1);
}

// A filter that denies the flag denies it for good.
TEST_F(AdaptationTest, a_connection_that_was_refused_lending_stops_to_think_of_it) {
  const Slice bytes = slice(worth_lending);
  {
    const ScopedFaults faults({{.call = "sendmsg", .error_number = EPERM}});
    const Receipt refused = send(bytes);
    ASSERT_EQ(refused.refusals.size(), 1u) << describe(refused);
    EXPECT_EQ(refused.refusals[0].error_number, EPERM);
  }
  const Plan next = plan(Source(bytes), Sink(connection_));
  EXPECT_NE(next.chosen().name(), "zerocopy_send");
  for (const Candidate& each : next.candidates) {
    if (each.mechanism.name() != "zerocopy_send") continue;
    EXPECT_FALSE(each.fits);
    EXPECT_EQ(each.reason, "it refused for such ends before");
  }
  const Receipt receipt = send(bytes);
  EXPECT_TRUE(moved_by_alone(receipt, next.chosen())) << describe(receipt);
  EXPECT_EQ(state().lends_from, to_end) << "and needs no plan of its own";
}

TEST_F(AdaptationTest, does_not_lend_small_or_borrowed_memory) {
  const Slice small = slice(worth_lending - 1);
  EXPECT_FALSE(has_leg(send(small), "zerocopy_send"));
  const OwnedFd file = pattern_file(1, 1000);
  const Receipt header = transfer(
      context_, parts(Source(small), Source::file(file.ref(), {0, 1000})), Sink(connection_));
  take(small.size() + 1000);
  EXPECT_FALSE(has_leg(header, "zerocopy_send")) << describe(header);
  const Slice large = slice(worth_lending);
  const Receipt borrowed = transfer(context_, Source(large.bytes()), Sink(connection_));
  take(large.size());
  EXPECT_FALSE(has_leg(borrowed, "zerocopy_send")) << describe(borrowed);
}

TEST_F(AdaptationTest, does_not_lend_over_a_loopback_by_itself) {
  state().is_route_known = false;
  EXPECT_FALSE(has_leg(send(slice(worth_lending)), "zerocopy_send"));
  EXPECT_EQ(state().lends_from, to_end) << "asked once";
}

TEST_F(AdaptationTest, without_room_to_lend_the_rest_is_copied_and_the_next_ones_are_too) {
  const Slice bytes = slice(2 * worth_lending);
  {
    const ScopedFaults faults({{.call = "sendmsg", .error_number = ENOBUFS}});
    const Receipt receipt = send(bytes);
    EXPECT_EQ(receipt.delivered, bytes.size());
    ASSERT_GE(receipt.refusals.size(), 1u) << describe(receipt);
    EXPECT_EQ(receipt.refusals[0].error_number, ENOBUFS);
  }
  const Receipt next = send(bytes);
  EXPECT_FALSE(has_leg(next, "zerocopy_send")) << describe(next);
  EXPECT_EQ(next.refusals[0].count, 0u);
}

TEST(RefusedBefore, a_refusing_mechanism_is_not_tried_again_between_these_volumes) {
  Context context = make_context();
  const OwnedFd from = pattern_file(1, 300'000);  // copy_file_range is first between such
  const auto copy = [&](bool fails) {
    const OwnedFd to = file_with({});
    std::vector<FaultPlan> plans;
    if (fails) plans.push_back({.call = "copy_file_range", .error_number = EXDEV});
    const ScopedFaults faults(std::move(plans));
    const Receipt receipt = transfer(context, Source::file(from.ref()), Sink::file(to.ref(), 0));
    EXPECT_EQ(content_of(to), content_of(from));
    EXPECT_EQ(faults.seen("copy_file_range"), fails ? 1u : 0u);
    return receipt;
  };
  const Receipt first = copy(true);
  ASSERT_EQ(first.refusals.size(), 1u) << describe(first);
  EXPECT_EQ(first.refusals[0].error_number, EXDEV);
  const Receipt second = copy(false);
  ASSERT_EQ(second.refusals.size(), 1u) << describe(second);
  EXPECT_EQ(second.refusals[0].mechanism.name(), "copy_file_range");
  EXPECT_EQ(second.refusals[0].count, 0u);
}

}  // namespace
}  // namespace leat::testing
