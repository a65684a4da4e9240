// Goal: the blocking transfer() hears what other threads and signals say, and threads do not share.

#include <poll.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "support/drive.h"
#include "support/guards.h"
#include "support/run_case.h"

namespace leat::testing {
namespace {

class BlockingCall : public GuardedTest {};

TEST_F(BlockingCall, is_stopped_from_another_thread) {
  for (const bool idle_source : {true, false}) {
    std::stop_source stop;
    Pair pipe = make_pipe_pair();
    Pair tcp = make_tcp_pair();
    const auto bytes = pattern(1, 0, 32u << 20);  // more than the sink's buffers hold
    std::jthread stopper([&] {
      // Once something arrived the call is at work; an idle one cannot be told from outside.
      if (!idle_source) wait_for(tcp.from, POLLIN);
      stop.request_stop();
    });
    Options options;
    options.stop = stop.get_token();
    Source source =
        idle_source ? Source::pipe(pipe.from.ref()) : Source(std::span<const std::byte>(bytes));
    const Receipt receipt = transfer(std::move(source), Sink::socket(tcp.to.ref()), options);
    EXPECT_EQ(receipt.ending, Ending::cancelled) << describe(receipt);
    tcp.to.reset();
    set_blocking(tcp.from, Blocking::yes);
    const StreamCheck got = read_rest(tcp.from, 1, 0);
    EXPECT_EQ(got.mismatch(), "");
    EXPECT_EQ(got.count(), receipt.delivered);
  }
}

TEST_F(BlockingCall, goes_on_after_signals) {
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = [](int) {};  // without SA_RESTART: every call may be interrupted
  ::sigaction(SIGUSR1, &action, &before);
  const pthread_t mover = ::pthread_self();
  for (const Blocking blocking : {Blocking::no, Blocking::yes}) {
    Case one = ragged_case(EndKind::tcp_socket, EndKind::tcp_socket, (4u << 20) + 1);
    one.from_options.blocking = one.to_options.blocking = blocking;
    one.driver = Driver::call;
    const Outcome outcome = run_case(one, [&](const std::function<void()>& body) {
      std::atomic<bool> done = false;
      std::jthread pest([&] {
        while (!done) ::pthread_kill(mover, SIGUSR1);
      });
      body();
      done = true;
    });
    EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
    EXPECT_EQ(outcome.receipt.ending, Ending::complete) << describe(outcome.receipt);
  }
  ::sigaction(SIGUSR1, &before, nullptr);
}

// A context a thread: transfers share nothing, so they run side by side.
TEST_F(BlockingCall, side_by_side_on_many_threads) {
  std::vector<std::string> troubles(4);
  {
    std::vector<std::jthread> threads;
    for (std::string& trouble : troubles)
      threads.emplace_back([&trouble] {
        for (const FittingPair& pair : all_pairs()) {
          Case one = ragged_case(pair.from, pair.to, 200'001);
          one.driver = Driver::free_call;
          const Outcome outcome = run_case(one);
          trouble += outcome.trouble;
          if (!outcome.receipt.ok()) trouble += describe(outcome.receipt);
        }
      });
  }
  for (const std::string& trouble : troubles) EXPECT_EQ(trouble, "");
}

}  // namespace
}  // namespace leat::testing
