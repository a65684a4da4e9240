// Goal: uring_send_zc sends the same bytes from registered blocks as from other memory, without
// pinning them again, and a block is nobody else's before the kernel has let go of it. Method:
// slices of leases over loopback; the context's counters tell what was used.

#include <poll.h>

#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>
#include <leat/pool.h>
#include <leat/transfer.h>

#include "support/drive.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 41;
constexpr std::size_t block_bytes = 256 << 10;
// More than a peer that does not read has room for.
constexpr std::size_t large_block_bytes = 2 << 20;

class UringRegistered : public GuardedTest {
 protected:
  void SetUp() override {
    const auto missing = forced_.mechanism.unavailable();
    if (!missing.empty()) GTEST_SKIP() << "no zero-copy send here: " << missing;
    Context context = make_context();
    Pool pool = make_pool(1);
    const auto registered = context.register_blocks(pool);
    if (!registered) GTEST_SKIP() << "no registered memory here: " << registered.error().message();
  }
  static Pool make_pool(std::size_t blocks, std::size_t bytes = block_bytes) {
    auto pool = Pool::create({.block_bytes = bytes, .most_blocks = blocks});
    EXPECT_TRUE(pool);
    return std::move(*pool);
  }
  static Slice block_with_pattern(Pool& pool, std::uint64_t position = 0) {
    auto lease = pool.lease();
    EXPECT_TRUE(lease);
    const std::span<std::byte> bytes = lease->bytes();
    fill_pattern(seed, position, bytes);
    return std::move(*lease).freeze(bytes.size());
  }
  static void wait_until_all_is_back(Context& context) {
    while (context.counters().operations > 0) {
      wait_for(context.fd(), POLLIN);
      context.poll();
    }
    EXPECT_EQ(context.counters().lent_bytes, 0u);
  }
  /// To a peer of its own, which expects the pattern from `position` on. Returns how many sends
  /// were made in registered memory.
  std::uint64_t send(Context& context, Source source, std::uint64_t position,
                     std::uint64_t length) const {
    const std::uint64_t before = context.counters().registered_operations;
    Pair tcp = make_tcp_pair();
    set_blocking(tcp.from, Blocking::yes);
    StreamCheck got(seed, position);
    std::jthread reader([&] { got = read_rest(tcp.from, seed, position); });
    const Receipt receipt =
        transfer(context, std::move(source), Sink::socket(tcp.to.ref()), forced_);
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
    EXPECT_TRUE(moved_by_alone(receipt, forced_.mechanism)) << describe(receipt);
    tcp.to.reset();
    reader.join();
    EXPECT_EQ(got.mismatch(), "");
    EXPECT_EQ(got.count(), length);
    wait_until_all_is_back(context);
    return context.counters().registered_operations - before;
  }
  /// Steps it to its end, or until the socket of a peer that does not read is full.
  static void fill(Context& context, Transfer& transfer) {
    for (;;) {
      const Step step = transfer.step();
      if (step.state == State::done || step.state == State::failed) return;
      if (step.state != State::blocked) continue;
      if (step.wait.fds()[0].role == WaitFd::Role::sink) return;
      ASSERT_EQ(wait_as_told(context, step.wait), "");
    }
  }

  const Options forced_{.mechanism = *Mechanism::named("uring_send_zc")};
};

TEST_F(UringRegistered, slices_at_any_offset_in_a_block) {
  for (const RingUse use : {RingUse::thread_bound, RingUse::movable}) {
    Context context = make_context({.ring = use});
    Pool pool = make_pool(2);
    ASSERT_TRUE(context.register_blocks(pool));
    const Slice whole = block_with_pattern(pool);
    for (const std::size_t shift : {0u, 1u, 4095u, 4097u, 100'001u})
      for (const std::size_t length : {std::size_t{1}, std::size_t{4097}, block_bytes - shift}) {
        SCOPED_TRACE(std::to_string(length) + " bytes at " + std::to_string(shift));
        EXPECT_GE(send(context, whole.subslice(shift, length), shift, length), 1u);
      }
  }
}

TEST_F(UringRegistered, every_block_of_several_pools) {
  Context context = make_context();
  Pool one = make_pool(3);
  Pool two = make_pool(2);
  ASSERT_TRUE(context.register_blocks(one));
  ASSERT_TRUE(context.register_blocks(two));
  std::vector<Slice> slices;
  for (std::uint64_t i = 0; i < 3; ++i) slices.push_back(block_with_pattern(one, i * block_bytes));
  for (std::uint64_t i = 3; i < 5; ++i) slices.push_back(block_with_pattern(two, i * block_bytes));
  for (std::uint64_t i = 0; i < 5; ++i)
    EXPECT_GE(send(context, slices[i], i * block_bytes, block_bytes), 1u);
}

TEST_F(UringRegistered, other_memory_works_beside_it) {
  Context context = make_context();
  Pool pool = make_pool(1);
  ASSERT_TRUE(context.register_blocks(pool));
  EXPECT_EQ(send(context, pattern_slice(seed, 5, 100'000), 5, 100'000), 0u);
  Pool unregistered = make_pool(1);
  EXPECT_EQ(send(context, block_with_pattern(unregistered), 0, block_bytes), 0u);
  EXPECT_GE(send(context, block_with_pattern(pool), 0, block_bytes), 1u);
}

// sendmsg knows no registered memory: several pieces go as ever.
TEST_F(UringRegistered, pieces_go_out_in_order) {
  Context context = make_context();
  Pool pool = make_pool(1);
  ASSERT_TRUE(context.register_blocks(pool));
  const Slice whole = block_with_pattern(pool);
  Chain chain;
  for (std::size_t at = 0; at < 3000; at += 1000) chain.append(whole.subslice(at, 1000));
  EXPECT_EQ(send(context, chain, 0, 3000), 0u);
  Chain mixed;
  mixed.append(whole.subslice(0, 1000));
  mixed.append(pattern_slice(seed, 1000, 70'000));
  mixed.append(whole.subslice(71'000, 129));
  send(context, mixed, 0, 71'129);
}

// The context's ring knows the pool, not another's.
TEST_F(UringRegistered, another_context_does_not_know_it) {
  Context knows = make_context();
  Context other = make_context();
  Pool pool = make_pool(1);
  ASSERT_TRUE(knows.register_blocks(pool));
  const Slice whole = block_with_pattern(pool);
  EXPECT_EQ(send(other, whole, 0, block_bytes), 0u);
  EXPECT_GE(send(knows, whole, 0, block_bytes), 1u);
}

TEST_F(UringRegistered, a_block_comes_back_when_the_kernel_has_let_go) {
  Context context = make_context();
  Pool pool = make_pool(1, large_block_bytes);
  ASSERT_TRUE(context.register_blocks(pool));
  Pair tcp = make_tcp_pair();
  shrink_buffers(tcp.from);
  std::uint64_t delivered = 0;
  {
    Transfer transfer =
        Transfer::start(context, block_with_pattern(pool), Sink::socket(tcp.to.ref()), forced_);
    fill(context, transfer);
    delivered = transfer.receipt().delivered;
  }
  // What the peer has no room for is still read by the kernel.
  context.poll();
  ASSERT_GT(context.counters().operations, 0u);
  const auto refused = pool.lease();
  ASSERT_FALSE(refused) << "the kernel still reads it";
  EXPECT_TRUE(refused.error().is(ENOBUFS));
  tcp.to.reset();
  set_blocking(tcp.from, Blocking::yes);
  const StreamCheck got = read_rest(tcp.from, seed, 0);
  EXPECT_EQ(got.mismatch(), "");
  EXPECT_EQ(got.count(), delivered);
  wait_until_all_is_back(context);
  EXPECT_TRUE(pool.lease());
}

TEST_F(UringRegistered, pool_and_slice_may_go_before_the_bytes) {
  Context context = make_context();
  Pair tcp = make_tcp_pair();
  std::optional<Transfer> transfer;
  {
    Pool pool = make_pool(1);
    ASSERT_TRUE(context.register_blocks(pool));
    transfer.emplace(Transfer::start(context, block_with_pattern(pool),
                                     Sink::socket(std::move(tcp.to)), forced_));
  }
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = seed});
  EXPECT_EQ(drive(context, *transfer).trouble, "");
  EXPECT_TRUE(transfer->receipt().ok()) << describe(transfer->receipt());
  EXPECT_GE(context.counters().registered_operations, 1u);
  transfer.reset();
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), block_bytes);
  wait_until_all_is_back(context);
}

// Pitfall 31: the kernel does not let go, so nobody else ever gets the block.
TEST_F(UringRegistered, a_context_destroyed_with_a_block_lent) {
  // Its memory is given up on purpose: in sight of the leak check.
  static Pool& pool = *new Pool(make_pool(1, large_block_bytes));
  Pair tcp = make_tcp_pair();
  shrink_buffers(tcp.from);
  {
    Context context = make_context();
    ASSERT_TRUE(context.register_blocks(pool));
    Transfer transfer =
        Transfer::start(context, block_with_pattern(pool), Sink::socket(tcp.to.ref()), forced_);
    fill(context, transfer);
    ASSERT_GT(context.counters().operations, 0u);
    EXPECT_GE(context.counters().registered_operations, 1u);
  }
  EXPECT_FALSE(pool.lease()) << "the kernel still reads it";
  tcp.to.reset();
  set_blocking(tcp.from, Blocking::yes);
  const StreamCheck got = read_rest(tcp.from, seed, 0);
  EXPECT_EQ(got.mismatch(), "");
  EXPECT_GT(got.count(), 0u);
}

}  // namespace
}  // namespace leat::testing
