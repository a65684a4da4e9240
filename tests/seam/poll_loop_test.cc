// Goal: one small poll loop, the one in examples/, carries everything at once. Method: see scene.h.

#include "../examples/poll_loop.h"

#include <gtest/gtest.h>

#include "seam/rounds.h"
#include "seam/scene.h"
#include "support/drive.h"
#include "support/guards.h"

namespace leat::testing {
namespace {

class Loop : public GuardedTest {};
class LoopWithRing : public GuardedTest, public ::testing::WithParamInterface<RingUse> {};
INSTANTIATE_TEST_SUITE_P(Both, LoopWithRing,
                         ::testing::Values(RingUse::thread_bound, RingUse::movable), name_of_use);

TEST_P(LoopWithRing, carries_everything_at_once) {
  Context context = make_context({.ring = GetParam()});
  Scene scene;
  Scene::Receipts receipts;
  PollLoop loop(context);
  const auto add = [&](Scene::Act act, Receipt& receipt) {
    loop.add(Transfer::start(context, std::move(act.source), std::move(act.sink), act.options),
             [&receipt](const Receipt& final) { receipt = final; });
  };
  add(scene.slow_socket(), receipts.slow_socket);
  add(scene.relay_out(), receipts.relay_out);
  add(scene.relay_back(), receipts.relay_back);
  add(scene.limited_copy(), receipts.limited_copy);
  add(scene.stopped(), receipts.stopped);
  for (std::size_t i = 0; i < Scene::ring_acts; ++i) add(scene.on_ring(i), receipts.on_ring[i]);
  const unsigned long waits = loop.run();
  RecordProperty("waits", std::to_string(waits));
  RecordProperty("moving_steps", std::to_string(scene.moving_steps()));
  EXPECT_EQ(scene.examine(receipts), "");
  // Ten MiB are moved. A reader that takes a KiB at a time wakes the loop at most once for each; a
  // loop that spins waits without an end.
  EXPECT_LE(waits, scene.moving_steps() * 4 + 200) << "it spins";
  EXPECT_LE(scene.moving_steps(), 1000u) << "steps are too small";
  EXPECT_EQ(context.counters().transfers, 0u);
  EXPECT_EQ(context.counters().stranded_bytes, 0u);
}

// A wake-up that is lost costs a transfer its deadline. So little may be lent that
// sends wait for the notifications of others, whichever transfer made them.
TEST_P(LoopWithRing, loses_no_wake_up_in_a_thousand_rounds) {
  if (const auto why = Rounds::unavailable(); !why.empty()) GTEST_SKIP() << why;
  Context context = make_context({.ring = GetParam(), .lent_budget_bytes = Rounds::budget});
  Rounds rounds;
  PollLoop loop(context);
  const auto began = std::chrono::steady_clock::now();
  for (int round = 0; round < Rounds::count; ++round) {
    for (std::size_t lane = 0; lane < Rounds::lanes; ++lane) {
      Scene::Act act = rounds.next(lane);
      loop.add(Transfer::start(context, std::move(act.source), std::move(act.sink), act.options),
               [&rounds](const Receipt& receipt) { rounds.ended(receipt); });
    }
    loop.run();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, Rounds::patience) << "a wake-up was lost";
  EXPECT_EQ(rounds.examine(), "");
}

TEST_P(LoopWithRing, stops_what_has_memory_lent) {
  if (const auto why = Rounds::unavailable(); !why.empty()) GTEST_SKIP() << why;
  Context context = make_context({.ring = GetParam()});
  PollLoop loop(context);
  Pair tcp = make_tcp_pair();  // whose other end does not read
  std::stop_source stop;
  std::uint64_t delivered = 0;
  Options options{.mechanism = Rounds::mechanism(), .stop = stop.get_token()};
  std::jthread stopper([&] {
    wait_for(tcp.from, POLLIN);
    stop.request_stop();
  });
  loop.add(
      Transfer::start(context, pattern_slice(9, 0, 64u << 20), Sink::socket(tcp.to.ref()), options),
      [&](const Receipt& receipt) {
        EXPECT_EQ(receipt.ending, Ending::cancelled) << describe(receipt);
        delivered = receipt.delivered;
      });
  loop.run();
  tcp.to.reset();
  set_blocking(tcp.from, Blocking::yes);
  const StreamCheck got = read_rest(tcp.from, 9, 0);
  EXPECT_EQ(got.mismatch(), "");
  EXPECT_EQ(got.count(), delivered);
}

TEST_F(Loop, wakes_for_each_of_many_stops) {
  Context context = make_context();
  PollLoop loop(context);
  const Pair silent = make_pipe_pair();
  std::stop_source stop;
  std::vector<std::byte> room(8);
  int cancelled = 0;
  for (int i = 0; i < 20; ++i) {
    Options options;
    options.stop = stop.get_token();
    loop.add(
        Transfer::start(context, Source::pipe(silent.from.ref()), Sink(std::span(room)), options),
        [&](const Receipt& receipt) { cancelled += receipt.ending == Ending::cancelled; });
  }
  std::jthread stopper([&] { stop.request_stop(); });
  loop.run();
  EXPECT_EQ(cancelled, 20);
}

// wake() may come from any thread, at any time; it may never be lost and never spin.
TEST_F(Loop, wake_from_other_threads_is_heard) {
  Context context = make_context();
  constexpr int times = 1000;
  std::jthread waker([&] {
    for (int i = 0; i < times; ++i) context.wake();
  });
  EXPECT_NE(wait_for(context.fd(), POLLIN) & POLLIN, 0);
  waker.join();
  context.poll();
  pollfd entry{.fd = context.fd().number(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0) << "it stays readable with nothing runnable";
}

}  // namespace
}  // namespace leat::testing
