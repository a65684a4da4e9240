// Goal: what the transfers, the quarantine and the budget of one context do to each other's loans:
// nobody misses a release that another took, and no owner's release, whatever it does, disturbs
// those that are under way (pitfalls 25, 31, 48). Method: receivers that do not read yet, so that
// loans stay out until they do.

#include <poll.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/transfer.h>

#include "os/wait.h"
#include "support/drive.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

class LendingTest : public GuardedTest {
 protected:
  static constexpr std::uint64_t seed = 5;
  static constexpr std::uint64_t size = 4u << 20;  // more than an unread socket takes in
  const Options lending_{.mechanism = *Mechanism::named("zerocopy_send")};

  static Connection adopt(Context& context, OwnedFd socket) {
    auto connection = Connection::adopt(context, std::move(socket));
    EXPECT_TRUE(connection) << connection.error().message();
    return std::move(*connection);
  }
  static Slice slice(std::function<void()> release = [] {}) {
    static const std::vector<std::byte> bytes = pattern(seed, 0, size);
    return Slice::adopt(bytes, std::move(release));
  }
  /// Its receiver does not read, so it ends up waiting for the sink or for a release.
  static Transfer lend_until_blocked(Context& context, Connection& connection, Slice lent,
                                     const Options& options) {
    Transfer transfer = Transfer::start(context, std::move(lent), connection, options);
    Step step = transfer.step();
    while (step.state == State::progress) step = transfer.step();
    EXPECT_EQ(step.state, State::blocked);
    return transfer;
  }
  /// A connection that is closed while what it lent is still being read.
  static void lend_and_close(Context& context, OwnedFd socket, std::function<void()> release) {
    Connection connection = adopt(context, std::move(socket));
    lend_until_blocked(context, connection, slice(std::move(release)),
                       {.mechanism = *Mechanism::named("zerocopy_send")})
        .cancel();
  }
  /// All that was sent; the sender has shut its side down.
  static void receive_all(FdRef from) {
    set_blocking(from, Blocking::yes);
    EXPECT_EQ(read_rest(from, seed, 0).mismatch(), "");
  }
  static bool wakes(const Context& context) {
    return (os::ready_events(context.fd(), POLLIN) & POLLIN) != 0;
  }
};

TEST_F(LendingTest, a_small_budget_is_kept) {
  constexpr std::uint64_t budget = 20'000;
  Pair tcp = make_tcp_pair();
  Context context = make_context({.lent_budget_bytes = budget});
  Connection connection = adopt(context, std::move(tcp.to));
  Transfer transfer = Transfer::start(context, slice(), connection, lending_);
  for (Step step; step.delivered < size / 2;) {
    step = transfer.step(100'000);
    ASSERT_LE(context.counters().lent_bytes, budget) << "after " << step.delivered;
    if (step.state == State::blocked) read_rest(tcp.from, seed, 0);
  }
}

TEST_F(LendingTest, without_a_budget_nothing_is_lent) {
  Pair tcp = make_tcp_pair();
  Context context = make_context({.lent_budget_bytes = 0});
  Connection connection = adopt(context, std::move(tcp.to));
  Transfer transfer = Transfer::start(context, slice(), connection, lending_);
  EXPECT_EQ(transfer.step().state, State::failed);
  EXPECT_EQ(transfer.receipt().delivered, 0u);
  ASSERT_TRUE(transfer.receipt().error);
  EXPECT_TRUE(transfer.receipt().error->is(ENOBUFS)) << transfer.receipt().error->message();
}

// POLLERR was for both directions. Whoever comes first takes it all; the other must be told.
TEST_F(LendingTest, the_other_direction_takes_the_release_that_one_waits_for) {
  Pair tcp = make_tcp_pair();
  Context context = make_context({.lent_budget_bytes = 20'000});
  Connection connection = adopt(context, std::move(tcp.to));
  std::vector<std::byte> room(100);
  Transfer reading = Transfer::start(context, connection, Sink(std::span(room)));
  Transfer sending = lend_until_blocked(context, connection, slice(), lending_);
  EXPECT_EQ(sending.step().wait.fds()[0].events, 0) << "it waits for something else";
  EXPECT_FALSE(sending.runnable());
  read_rest(tcp.from, seed, 0);
  wait_for(connection.fd(), POLLERR);
  const auto before = sending.receipt().delivered;
  bool told = false;
  sending.on_runnable([&told] { told = true; });

  EXPECT_EQ(reading.step().state, State::blocked);
  EXPECT_EQ(os::ready_events(connection.fd(), 0), 0) << "the release is still there";
  EXPECT_TRUE(sending.runnable());
  EXPECT_TRUE(wakes(context));
  context.poll();
  EXPECT_TRUE(told);
  EXPECT_GT(sending.step().delivered, before);
  EXPECT_FALSE(sending.runnable());
  context.poll();
  EXPECT_FALSE(wakes(context)) << "it would spin";
}

TEST_F(LendingTest, several_wait_for_releases_of_one_connection) {
  Pair tcp = make_tcp_pair();
  Context context = make_context({.lent_budget_bytes = 20'000});
  Connection connection = adopt(context, std::move(tcp.to));
  Transfer first = lend_until_blocked(context, connection, slice(), lending_);
  {
    Transfer gone = lend_until_blocked(context, connection, slice(), lending_);
  }
  Transfer second = lend_until_blocked(context, connection, slice(), lending_);
  read_rest(tcp.from, seed, 0);
  wait_for(connection.fd(), POLLERR);
  EXPECT_GT(first.step().delivered, 0u);
  EXPECT_TRUE(second.runnable());
  EXPECT_TRUE(wakes(context));
}

TEST_F(LendingTest, settles_after_the_connection_was_closed) {
  Pair tcp = make_tcp_pair();
  Context context = make_context();
  Connection connection = adopt(context, std::move(tcp.to));
  Receipt receipt;
  {
    Transfer transfer = lend_until_blocked(context, connection, slice(), lending_);
    receipt = transfer.receipt();
  }
  connection.close();
  EXPECT_GT(context.counters().quarantined_bytes, 0u);
  EXPECT_FALSE(connection.settle(receipt, steady_clock::now()));
  receive_all(tcp.from);
  EXPECT_TRUE(connection.settle(receipt, std::nullopt));
  EXPECT_EQ(receipt.legs[0].known_by, KnownBy::kernel);
  EXPECT_EQ(context.counters().lent_bytes, 0u);
}

// A server that sends much and then little over the same connection, one call each.
TEST_F(LendingTest, a_single_call_takes_releases_too) {
  Pair tcp = make_tcp_pair();
  Context context = make_context();
  Connection connection = adopt(context, std::move(tcp.to));
  lend_until_blocked(context, connection, slice(), lending_).cancel();
  EXPECT_GT(context.counters().lent_bytes, 0u);
  while ((os::ready_events(connection.fd(), POLLOUT) & POLLOUT) == 0) read_rest(tcp.from, seed, 0);
  // Only once all is received is all released.
  while (os::ready_events(tcp.from, POLLIN) != 0) read_rest(tcp.from, seed, 0);
  wait_for(connection.fd(), POLLERR);
  for (const bool by_steps : {true, false}) {
    const std::uint64_t lent = context.counters().lent_bytes;
    if (by_steps) {
      EXPECT_EQ(Transfer::start(context, Source("hello"), connection).step().state, State::done);
      EXPECT_LT(context.counters().lent_bytes, lent);
    } else {
      while (context.counters().lent_bytes > 0) {
        read_rest(tcp.from, seed, 0);
        EXPECT_TRUE(transfer(context, Source("hello"), connection).ok());
      }
    }
  }
}

// What a closed connection has back makes room at once, though nobody polled the context.
TEST_F(LendingTest, a_budget_that_only_closed_connections_use_up) {
  Pair gone = make_tcp_pair();
  Pair tcp = make_tcp_pair();
  Context context = make_context({.lent_budget_bytes = 20'000});
  shrink_buffers(gone.from);
  {
    Connection connection = adopt(context, std::move(gone.to));
    const auto before = pattern(seed, 0, 300'000);  // more than the receiver takes in
    Transfer copied = Transfer::start(context, Source(std::span(before)), connection);
    ASSERT_EQ(copied.step().state, State::done);
    lend_until_blocked(context, connection, slice(), lending_).cancel();
  }
  EXPECT_EQ(context.counters().lent_bytes, 20'000u);
  set_blocking(gone.from, Blocking::yes);
  read_rest(gone.from, seed, 0);
  Connection connection = adopt(context, std::move(tcp.to));
  // The acknowledgement that releases it may still be on its way; the watchdog bounds this.
  Step step;
  do {
    step = Transfer::start(context, slice(), connection, lending_).step();
  } while (step.state == State::failed);
  EXPECT_GT(step.delivered, 0u);
}

// Also when it closes another one, polls, and thereby has the quarantine change under its feet.
TEST_F(LendingTest, an_owner_whose_release_closes_another_connection) {
  constexpr int count = 20;  // twice that has room in the quarantine
  Context context = make_context({.lent_budget_bytes = 1ull << 40});
  int released = 0;
  std::vector<OwnedFd> peers;
  std::vector<std::unique_ptr<Connection>> others;
  std::vector<OwnedFd> other_peers;
  for (int index = 0; index < count; ++index) {
    Pair other = make_tcp_pair();
    others.push_back(std::make_unique<Connection>(adopt(context, std::move(other.to))));
    lend_until_blocked(context, *others.back(), slice(), lending_).cancel();
    other_peers.push_back(std::move(other.from));
    Pair tcp = make_tcp_pair();
    lend_and_close(context, std::move(tcp.to), [&, index] {
      ++released;
      others[static_cast<std::size_t>(index)].reset();
      context.poll();
    });
    peers.push_back(std::move(tcp.from));
  }
  for (const OwnedFd& peer : peers) receive_all(peer);
  while (released < count) {
    context.poll();
    std::this_thread::yield();
  }
  EXPECT_GT(context.counters().quarantined_bytes, 0u);
  for (const OwnedFd& peer : other_peers) receive_all(peer);
  while (context.counters().lent_bytes > 0) {
    context.poll();
    std::this_thread::yield();
  }
  EXPECT_EQ(context.counters().abandoned_bytes, 0u);
}

TEST_F(LendingTest, a_full_quarantine_abandons_nothing_that_is_back) {
  constexpr int most_kept = 64;
  Context context = make_context({.lent_budget_bytes = 1ull << 40});
  std::vector<OwnedFd> peers;
  const auto close_another = [&] {
    Pair tcp = make_tcp_pair();
    lend_and_close(context, std::move(tcp.to), [] {});
    peers.push_back(std::move(tcp.from));
  };
  while (peers.size() < most_kept) close_another();
  ASSERT_GT(context.counters().quarantined_bytes, 0u);
  for (const OwnedFd& peer : peers) receive_all(peer);
  close_another();
  EXPECT_EQ(context.counters().abandoned_bytes, 0u);
  receive_all(peers.back());
}

}  // namespace
}  // namespace leat::testing
