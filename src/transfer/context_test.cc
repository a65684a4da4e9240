// Goal: a context wakes its loop, calls those who can go on, and counts what is alive.

#include <poll.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "os/stream.h"
#include "os/wait.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class ContextTest : public GuardedTest {
 protected:
  Context context_ = make_context();
  Pair in_ = make_unix_pair();
  Pair out_ = make_unix_pair();

  Transfer silent(const Options& options = {}) {
    return Transfer::start(context_, Source::socket(in_.from.ref()), Sink::socket(out_.to.ref()),
                           options);
  }
  bool readable() { return os::ready_events(context_.fd(), POLLIN) != 0; }
  /// For another thread: until the one that waits has taken the wake-up, of which nothing tells.
  void until_taken() {
    while (readable()) std::this_thread::yield();
  }
};

TEST_F(ContextTest, needs_a_descriptor) {
  const ScopedFaults faults({{.call = "eventfd", .error_number = EMFILE}});
  const auto context = Context::create();
  ASSERT_FALSE(context);
  EXPECT_TRUE(context.error().is(EMFILE));
  const Receipt receipt = transfer(Source(), Sink());
  EXPECT_TRUE(receipt.ok()) << "the fault was for the first only";
}

TEST_F(ContextTest, the_call_without_one_says_that_it_could_not_make_one) {
  const ScopedFaults faults({{.call = "eventfd", .error_number = EMFILE}});
  const Receipt receipt = transfer(Source(std::string_view("x")), Sink());
  EXPECT_EQ(receipt.ending, Ending::failed);
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(EMFILE));
}

TEST_F(ContextTest, waking_makes_it_readable_until_it_is_polled) {
  EXPECT_FALSE(readable());
  std::thread([&] { context_.wake(); }).join();
  EXPECT_TRUE(readable());
  context_.poll();
  EXPECT_FALSE(readable());
}

TEST_F(ContextTest, moving_keeps_the_descriptor_and_the_transfers) {
  std::optional<Transfer> transfer = silent();
  const FdRef fd = context_.fd();
  const Context moved = std::move(context_);
  EXPECT_EQ(moved.fd(), fd);
  EXPECT_EQ(moved.counters().transfers, 1u);
  EXPECT_EQ(transfer->step().state, State::blocked);
  transfer.reset();  // before its context
  EXPECT_EQ(moved.counters().transfers, 0u);
}

TEST_F(ContextTest, calls_only_those_who_can_go_on) {
  std::stop_source stop;
  Transfer one = silent({.stop = stop.get_token()});
  Transfer two = silent();
  Transfer three = silent({.stop = stop.get_token()});
  std::vector<int> called;
  one.on_runnable([&] { called.push_back(1); });
  two.on_runnable([&] { called.push_back(2); });
  three.on_runnable([&] { called.push_back(0); });
  three.on_runnable([&] { called.push_back(3); });  // replaces the one before
  context_.poll();
  EXPECT_TRUE(called.empty());
  stop.request_stop();
  context_.poll();
  std::ranges::sort(called);
  EXPECT_EQ(called, (std::vector{1, 3}));
}

TEST_F(ContextTest, a_callback_that_asks_again_is_called_at_the_next_poll) {
  Transfer transfer = silent();
  ASSERT_EQ(transfer.step().state, State::blocked);
  transfer.cancel();
  int calls = 0;
  const std::function<void()> again = [&] {
    if (++calls < 1000) transfer.on_runnable(again);
  };
  transfer.on_runnable(again);
  context_.poll();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(readable()) << "it has not stepped, and is runnable still";
  context_.poll();
  EXPECT_EQ(calls, 2);
}

// The loop that comes back from a blocking call looks at the context to learn who can go on.
TEST_F(ContextTest, a_stop_that_a_blocking_transfer_heard_is_told_again) {
  std::stop_source stop;
  Transfer other = silent({.stop = stop.get_token()});
  ASSERT_EQ(other.step().state, State::blocked);
  Pair in = make_unix_pair();
  const std::jthread thread([&] {
    stop.request_stop();
    until_taken();
    in.to.reset();
  });
  std::array<std::byte, 10> room{};
  const Receipt receipt = transfer(context_, Source::socket(in.from.ref()), Sink(std::span(room)));
  EXPECT_EQ(receipt.ending, Ending::end_of_source) << describe(receipt);
  EXPECT_TRUE(other.runnable());
  EXPECT_TRUE(readable());
}

TEST_F(ContextTest, a_stop_that_the_end_of_a_connection_heard_is_told_again) {
  std::stop_source stop;
  Transfer other = silent({.stop = stop.get_token()});
  ASSERT_EQ(other.step().state, State::blocked);
  Pair tcp = make_tcp_pair();
  auto connection = Connection::adopt(context_, std::move(tcp.to));
  ASSERT_TRUE(connection);
  const std::jthread thread([&] {
    stop.request_stop();
    until_taken();
    tcp.from.reset();
  });
  const auto farewell = connection->end(std::nullopt);
  ASSERT_TRUE(farewell) << farewell.error().message();
  EXPECT_TRUE(farewell->closed);
  EXPECT_TRUE(other.runnable());
  EXPECT_TRUE(readable());
}

TEST_F(ContextTest, a_wake_up_that_a_blocking_call_heard_is_told_again) {
  const std::array<std::byte, 5> text{};
  const std::jthread thread([&] {
    context_.wake();
    until_taken();
    EXPECT_TRUE(os::send(in_.to, text, {}));
  });
  std::array<std::byte, 5> room{};
  const Receipt receipt = transfer(context_, Source::socket(in_.from.ref()), Sink(std::span(room)));
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_GT(receipt.waits, 0u) << "the bytes came only after it had begun to wait";
  EXPECT_TRUE(readable()) << "who called may have had anything in mind";
  context_.poll();
  EXPECT_FALSE(readable());
}

// As adapters do: the coroutine that is woken may finish and destroy its transfer, and others.
TEST_F(ContextTest, a_callback_may_destroy_transfers) {
  std::stop_source stop;
  std::vector<std::optional<Transfer>> transfers(5);
  int calls = 0;
  for (auto& transfer : transfers) {
    transfer = silent({.stop = stop.get_token()});
    transfer->on_runnable([&] {
      ++calls;
      for (auto& each : transfers) each.reset();
    });
  }
  stop.request_stop();
  context_.poll();
  EXPECT_EQ(calls, 1) << "the first takes all others with it, and itself";
  EXPECT_EQ(context_.counters().transfers, 0u);
}

TEST_F(ContextTest, counts_pipes_and_keeps_them) {
  const OwnedFd file = pattern_file(1, 10'000);
  EXPECT_EQ(context_.counters().pipes_open, 0u);
  const Options splice{.mechanism = *Mechanism::named("splice")};
  for (int i = 0; i < 3; ++i) {
    const ScopedFaults faults;
    EXPECT_TRUE(
        transfer(context_, Source::file(file.ref()), Sink::socket(out_.to.ref()), splice).ok());
    EXPECT_EQ(faults.seen("pipe2"), i == 0 ? 1u : 0u);
    EXPECT_EQ(context_.counters().pipes_open, 1u);
    EXPECT_GT(context_.counters().pipe_bytes, 0u);
  }
}

TEST_F(ContextTest, a_used_up_budget_is_a_refusal) {
  Context poor = make_context({.pipe_budget_bytes = 0});
  const OwnedFd file = pattern_file(1, 10'000);
  Feeder feeder(std::move(in_.to), 1, 0, 10'000);
  const Receipt receipt =
      transfer(poor, Source::socket(in_.from.ref()), Sink::socket(out_.to.ref()));
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  ASSERT_EQ(receipt.refusals.size(), 1u);
  EXPECT_EQ(receipt.refusals[0].error_number, ENOBUFS);
}

}  // namespace
}  // namespace leat::testing
