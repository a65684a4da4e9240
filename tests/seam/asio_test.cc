// Goal: the same scene in Asio coroutines, and what is particular to Asio: borrowed descriptors
// keep their flags, both directions of one socket wait at once, cancelling a coroutine ends its
// transfer in order.

// GCC 12 takes the two inlined allocation functions of Asio's coroutine frames for a mismatch, and
// says that tsan does not know Asio's fences; what they order is also ordered by Asio's mutex.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#pragma GCC diagnostic ignored "-Wtsan"
#endif

#include <poll.h>

#include <chrono>
#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <leat/asio.h>

#include "seam/rounds.h"
#include "seam/scene.h"
#include "support/drive.h"
#include "support/guards.h"
#include "support/run_case.h"

namespace leat::testing {
namespace {

namespace net = boost::asio;

asio::Adapter make_adapter(net::io_context& io, Context& context) {
  Result<asio::Adapter> adapter = asio::Adapter::create(io.get_executor(), context);
  if (!adapter) std::abort();
  return std::move(*adapter);
}

net::awaitable<void> run_act(asio::Adapter& adapter, Scene::Act act, Receipt& receipt) {
  receipt = co_await asio::async_transfer(adapter, std::move(act.source), std::move(act.sink),
                                          act.options);
}

void rethrow(const std::exception_ptr& thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

class Coroutines : public GuardedTest {};
class CoroutinesWithRing : public GuardedTest, public ::testing::WithParamInterface<RingUse> {};
INSTANTIATE_TEST_SUITE_P(Both, CoroutinesWithRing,
                         ::testing::Values(RingUse::thread_bound, RingUse::movable), name_of_use);

TEST_P(CoroutinesWithRing, carry_everything_at_once) {
  Context context = make_context({.ring = GetParam()});
  Scene scene;
  Scene::Receipts receipts;
  net::io_context io;
  asio::Adapter adapter = make_adapter(io, context);
  const auto add = [&](Scene::Act act, Receipt& receipt) {
    net::co_spawn(io, run_act(adapter, std::move(act), receipt), rethrow);
  };
  add(scene.slow_socket(), receipts.slow_socket);
  add(scene.relay_out(), receipts.relay_out);
  add(scene.relay_back(), receipts.relay_back);
  add(scene.limited_copy(), receipts.limited_copy);
  add(scene.stopped(), receipts.stopped);
  for (std::size_t i = 0; i < Scene::ring_acts; ++i) add(scene.on_ring(i), receipts.on_ring[i]);
  const std::size_t handlers = io.run();
  RecordProperty("handlers", std::to_string(handlers));
  RecordProperty("moving_steps", std::to_string(scene.moving_steps()));
  EXPECT_EQ(scene.examine(receipts), "");
  // A few handlers for each step: the descriptor, the timer, the coroutine.
  EXPECT_LE(handlers, scene.moving_steps() * 12 + 500) << "it spins";
  EXPECT_EQ(context.counters().transfers, 0u);
  EXPECT_EQ(context.counters().stranded_bytes, 0u);
}

net::awaitable<void> run_lane(asio::Adapter& adapter, Rounds& rounds, std::size_t lane) {
  for (int round = 0; round < Rounds::count; ++round) {
    Scene::Act act = rounds.next(lane);
    rounds.ended(co_await asio::async_transfer(adapter, std::move(act.source), std::move(act.sink),
                                               act.options));
  }
}

// As in the poll loop, but nobody looks at the context's descriptor in a Wait: only on_runnable
// wakes a coroutine.
TEST_P(CoroutinesWithRing, lose_no_wake_up_in_a_thousand_rounds) {
  if (const auto why = Rounds::unavailable(); !why.empty()) GTEST_SKIP() << why;
  Context context = make_context({.ring = GetParam(), .lent_budget_bytes = Rounds::budget});
  net::io_context io;
  asio::Adapter adapter = make_adapter(io, context);
  Rounds rounds;
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t lane = 0; lane < Rounds::lanes; ++lane)
    net::co_spawn(io, run_lane(adapter, rounds, lane), rethrow);
  io.run();
  EXPECT_LT(std::chrono::steady_clock::now() - began, Rounds::patience) << "a wake-up was lost";
  EXPECT_EQ(rounds.examine(), "");
}

// All bytes are in the socket, and the verdict on the last of them comes only when the peer reads.
TEST_P(CoroutinesWithRing, hear_the_verdict_on_the_last_bytes) {
  if (const auto why = Rounds::unavailable(); !why.empty()) GTEST_SKIP() << why;
  constexpr std::uint64_t bytes = 600'000;
  Context context = make_context({.ring = GetParam()});
  net::io_context io;
  asio::Adapter adapter = make_adapter(io, context);
  Pair tcp = make_tcp_pair();
  std::uint64_t delivered = 0;
  Options options{.mechanism = Rounds::mechanism(), .copies = Copies::forbid};
  options.progress = [&](const Step& step) { delivered = step.delivered; };
  Receipt receipt;
  net::co_spawn(
      io,
      run_act(adapter, {pattern_slice(8, 0, bytes), Sink::socket(tcp.to.ref()), options}, receipt),
      rethrow);
  while (delivered < bytes && receipt.ending == Ending::unfinished) io.poll();
  EXPECT_EQ(delivered, bytes);
  EXPECT_EQ(receipt.ending, Ending::unfinished) << "the peer has not read yet";
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = 8});
  io.run();
  ASSERT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  EXPECT_TRUE(receipt.error->is(Errc::copied_after_all)) << describe(receipt);
  tcp.to.reset();
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), bytes);
}

TEST_P(CoroutinesWithRing, that_are_never_finished_leak_nothing) {
  if (const auto why = Rounds::unavailable(); !why.empty()) GTEST_SKIP() << why;
  Context context = make_context({.ring = GetParam()});
  Pair tcp = make_tcp_pair();
  Receipt receipt;
  {
    net::io_context io;
    asio::Adapter adapter = make_adapter(io, context);
    const Options options{.mechanism = Rounds::mechanism()};
    net::co_spawn(
        io,
        run_act(adapter, {pattern_slice(7, 0, 64u << 20), Sink::socket(tcp.to.ref()), options},
                receipt),
        rethrow);
    io.poll_one();
    EXPECT_EQ(context.counters().transfers, 1u);
    EXPECT_GT(context.counters().operations, 0u);
  }
  EXPECT_EQ(context.counters().transfers, 0u);
  tcp.to.reset();
  set_blocking(tcp.from, Blocking::yes);
  EXPECT_EQ(read_rest(tcp.from, 7, 0).mismatch(), "");
  while (context.counters().operations > 0) {
    wait_for(context.fd(), POLLIN);
    context.poll();
  }
  EXPECT_EQ(context.counters().lent_bytes, 0u);
}

TEST_F(Coroutines, leave_borrowed_blocking_descriptors_as_they_are) {
  Context context = make_context();
  net::io_context io;
  asio::Adapter adapter = make_adapter(io, context);
  Case one = ragged_case(EndKind::tcp_socket, EndKind::unix_socket, (1u << 20) + 9);
  one.from_options.blocking = one.to_options.blocking = Blocking::yes;
  const auto from = SourceEnd::make(one.from, one.from_options);
  const auto to = SinkEnd::make(one.to, one.to_options);
  Receipt receipt;
  net::co_spawn(io, run_act(adapter, {from->source(), to->sink(), {}}, receipt), rethrow);
  io.run();
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_EQ(to->examine(receipt.delivered), "");
  EXPECT_EQ(from->examine(receipt.delivered), "");
}

TEST_F(Coroutines, cancelled_from_outside_end_in_order) {
  Context context = make_context();
  net::io_context io;
  asio::Adapter adapter = make_adapter(io, context);
  const Pair silent = make_pipe_pair();
  std::vector<std::byte> room(8);
  net::cancellation_signal signal;
  Receipt receipt;
  net::co_spawn(
      io, run_act(adapter, {Source::pipe(silent.from.ref()), Sink(std::span(room)), {}}, receipt),
      net::bind_cancellation_slot(signal.slot(), rethrow));
  net::post(io, [&] { signal.emit(net::cancellation_type::total); });
  io.run();
  EXPECT_EQ(receipt.ending, Ending::cancelled) << describe(receipt);
}

TEST_F(Coroutines, that_are_never_finished_leak_nothing) {
  Context context = make_context();
  const Pair silent = make_pipe_pair();
  std::vector<std::byte> room(8);
  Receipt receipt;
  {
    net::io_context io;
    asio::Adapter adapter = make_adapter(io, context);
    net::co_spawn(
        io, run_act(adapter, {Source::pipe(silent.from.ref()), Sink(std::span(room)), {}}, receipt),
        rethrow);
    io.poll();
    EXPECT_EQ(context.counters().transfers, 1u);
  }
  EXPECT_EQ(context.counters().transfers, 0u);
}

// io_context::run returns when the last transfer has ended, and can be run again for the next.
TEST_F(Coroutines, come_one_after_the_other) {
  Context context = make_context();
  net::io_context io;
  asio::Adapter adapter = make_adapter(io, context);
  for (const std::uint64_t size : {0u, 1u, 70'000u}) {
    const Case one = ragged_case(EndKind::pipe, EndKind::tcp_socket, size);
    const auto from = SourceEnd::make(one.from, one.from_options);
    const auto to = SinkEnd::make(one.to, one.to_options);
    Receipt receipt;
    net::co_spawn(io, run_act(adapter, {from->source(), to->sink(), {}}, receipt), rethrow);
    io.run();
    io.restart();
    EXPECT_EQ(receipt.delivered, size) << describe(receipt);
    EXPECT_EQ(to->examine(receipt.delivered), "");
    EXPECT_EQ(from->examine(receipt.delivered), "");
  }
}

}  // namespace
}  // namespace leat::testing
