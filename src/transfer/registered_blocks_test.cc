// Goal: a pool that is registered with a context stays mapped as long as its ring knows it, whoever
// goes first, and a refusal says who refused and registers nothing. Method: contexts, pools, leases
// and slices destroyed in every order; errors at the seam; a filter; other threads.

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/context.h>
#include <leat/pool.h>
#include <leat/transfer.h>

#include "os/ring.h"
#include "support/drive.h"
#include "support/filter.h"
#include "support/guards.h"
#include "support/locked.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::size_t block_bytes = 16 << 10;
constexpr std::size_t blocks = 8;

Pool make_pool(std::shared_ptr<Budget> budget = {}) {
  auto pool = Pool::create(
      {.block_bytes = block_bytes, .most_blocks = blocks, .budget = std::move(budget)});
  EXPECT_TRUE(pool);
  return std::move(*pool);
}

class RegisteredBlocks : public GuardedTest {
 protected:
  void SetUp() override {
    const auto missing = os::ring_verdict(os::RingNeed::files);
    if (!missing.empty()) GTEST_SKIP() << "no io_uring here: " << missing;
    Context context = make_context();
    Pool pool = make_pool();
    const auto registered = context.register_blocks(pool);
    if (!registered) GTEST_SKIP() << "no registered memory here: " << registered.error().message();
  }
};

TEST_F(RegisteredBlocks, are_all_mapped_and_counted) {
  for (const RingUse use : {RingUse::thread_bound, RingUse::movable}) {
    Context context = make_context({.ring = use});
    Pool pool = make_pool();
    EXPECT_EQ(context.counters().registered_bytes, 0u);
    EXPECT_EQ(pool.statistics().blocks, 0u);
    ASSERT_TRUE(context.register_blocks(pool));
    EXPECT_EQ(pool.statistics().blocks, blocks);
    EXPECT_EQ(pool.statistics().leased, 0u);
    EXPECT_EQ(context.counters().registered_bytes, pool.statistics().mapped_bytes);
    EXPECT_EQ(context.counters().registered_operations, 0u);
    EXPECT_EQ(context.counters().operations, 0u);
  }
}

TEST_F(RegisteredBlocks, nothing_is_registered_unasked) {
  Context context = make_context();
  Pool pool = make_pool();
  const auto lease = pool.lease();
  EXPECT_TRUE(transfer(context, std::string_view("x"), Sink()).ok());
  EXPECT_EQ(context.counters().registered_bytes, 0u);
}

TEST_F(RegisteredBlocks, what_is_leased_already_is_registered_too) {
  Context context = make_context();
  Pool pool = make_pool();
  auto lease = pool.lease();
  ASSERT_TRUE(lease);
  fill_pattern(3, 0, lease->bytes());
  ASSERT_TRUE(context.register_blocks(pool));
  EXPECT_EQ(context.counters().registered_bytes, blocks * block_bytes);
  EXPECT_TRUE(std::ranges::equal(lease->bytes(), pattern(3, 0, block_bytes)));
}

TEST_F(RegisteredBlocks, once_is_enough) {
  Context context = make_context();
  Pool pool = make_pool();
  ASSERT_TRUE(context.register_blocks(pool));
  const ScopedFaults faults;
  EXPECT_TRUE(context.register_blocks(pool));
  const Pool moved = std::move(pool);
  EXPECT_EQ(faults.seen("io_uring_register_buffers_update_tag"), 0u);
  EXPECT_EQ(context.counters().registered_bytes, blocks * block_bytes);
}

TEST_F(RegisteredBlocks, of_several_pools_and_for_several_contexts) {
  Context first = make_context();
  Context second = make_context();
  Pool one = make_pool();
  Pool two = make_pool();
  ASSERT_TRUE(first.register_blocks(one));
  ASSERT_TRUE(first.register_blocks(two));
  ASSERT_TRUE(second.register_blocks(two));
  EXPECT_EQ(first.counters().registered_bytes, 2 * blocks * block_bytes);
  EXPECT_EQ(second.counters().registered_bytes, blocks * block_bytes);
}

TEST_F(RegisteredBlocks, stay_until_context_pool_lease_and_slice_are_gone) {
  enum class Goes : std::uint8_t { context, pool, lease, slice };
  std::vector order{Goes::context, Goes::pool, Goes::lease, Goes::slice};
  do {
    const auto budget = std::make_shared<Budget>(blocks * block_bytes);
    std::optional<Context> context = make_context();
    std::optional<Pool> pool = make_pool(budget);
    ASSERT_TRUE(context->register_blocks(*pool));
    std::optional<Lease> lease = std::move(*pool->lease());
    fill_pattern(1, 0, lease->bytes());
    std::optional<Lease> frozen = std::move(*pool->lease());
    fill_pattern(2, 0, frozen->bytes());
    std::optional<Slice> slice = std::move(*frozen).freeze(block_bytes).subslice(1001, 7777);
    for (const Goes next : order) {
      EXPECT_EQ(budget->used(), blocks * block_bytes) << "it was unmapped too early";
      if (lease) {
        EXPECT_TRUE(std::ranges::equal(lease->bytes(), pattern(1, 0, block_bytes)));
      }
      if (slice) {
        EXPECT_TRUE(std::ranges::equal(slice->bytes(), pattern(2, 1001, 7777)));
      }
      if (next == Goes::context) context.reset();
      if (next == Goes::pool) pool.reset();
      if (next == Goes::lease) lease.reset();
      if (next == Goes::slice) slice.reset();
    }
    EXPECT_EQ(budget->used(), 0u) << "it is mapped for ever";
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(RegisteredBlocks, are_not_pinned_when_the_context_is_gone) {
  Pool pool = make_pool();
  const std::uint64_t before = pinned_bytes();
  {
    Context context = make_context();
    ASSERT_TRUE(context.register_blocks(pool));
    EXPECT_GE(pinned_bytes() - before, blocks * block_bytes);
  }
  EXPECT_LE(pinned_bytes(), before);
  EXPECT_TRUE(pool.lease());
}

TEST_F(RegisteredBlocks, go_with_a_context_that_is_moved) {
  Pool pool = make_pool();
  Context context = make_context({.ring = RingUse::movable});
  ASSERT_TRUE(context.register_blocks(pool));
  std::thread([moved = std::move(context), &pool]() mutable {
    EXPECT_EQ(moved.counters().registered_bytes, blocks * block_bytes);
    Pool another = make_pool();
    EXPECT_TRUE(moved.register_blocks(another));
    EXPECT_TRUE(moved.register_blocks(pool));
    EXPECT_EQ(moved.counters().registered_bytes, 2 * blocks * block_bytes);
  }).join();
}

TEST_F(RegisteredBlocks, of_a_ring_that_is_bound_to_another_thread) {
  Context context = make_context();
  Pool pool = make_pool();
  ASSERT_TRUE(context.register_blocks(pool));
  std::thread([&] {
    Pool another = make_pool();
    const auto refused = context.register_blocks(another);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(EEXIST)) << refused.error().message();
    EXPECT_EQ(another.statistics().blocks, 0u) << "mapped for nothing";
  }).join();
  EXPECT_EQ(context.counters().registered_bytes, blocks * block_bytes);
}

TEST_F(RegisteredBlocks, refused_by_the_kernel) {
  for (const int error_number : {EPERM, ENOMEM}) {
    Context context = make_context();
    Pool pool = make_pool();
    {
      const ScopedFaults faults(
          {{.call = "io_uring_register_buffers_update_tag", .error_number = error_number}});
      const auto refused = context.register_blocks(pool);
      ASSERT_FALSE(refused);
      EXPECT_TRUE(refused.error().is(error_number));
      EXPECT_EQ(refused.error().hint.contains("RLIMIT_MEMLOCK"), error_number == ENOMEM);
    }
    EXPECT_EQ(context.counters().registered_bytes, 0u);
    EXPECT_TRUE(pool.lease()) << "the pool is as usable as before";
    EXPECT_TRUE(context.register_blocks(pool));
    EXPECT_EQ(context.counters().registered_bytes, blocks * block_bytes);
  }
}

TEST_F(RegisteredBlocks, a_refusal_does_not_keep_the_pool) {
  const auto budget = std::make_shared<Budget>(blocks * block_bytes);
  Context context = make_context();
  {
    Pool pool = make_pool(budget);
    const ScopedFaults faults(
        {{.call = "io_uring_register_buffers_update_tag", .error_number = ENOMEM}});
    EXPECT_FALSE(context.register_blocks(pool));
  }
  EXPECT_EQ(budget->used(), 0u);
}

TEST_F(RegisteredBlocks, do_not_exceed_the_budget) {
  const auto budget = std::make_shared<Budget>((blocks - 1) * block_bytes);
  Context context = make_context();
  Pool pool = make_pool(budget);
  const auto refused = context.register_blocks(pool);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(ENOBUFS)) << refused.error().message();
  EXPECT_EQ(context.counters().registered_bytes, 0u);
  EXPECT_LE(budget->used(), budget->limit());
  EXPECT_TRUE(pool.lease());
}

class RegisteredBlocksDenied : public GuardedTest {};

TEST_F(RegisteredBlocksDenied, by_the_context) {
  Context context = make_context({.ring = RingUse::none});
  Pool pool = make_pool();
  const auto refused = context.register_blocks(pool);
  ASSERT_FALSE(refused);
  EXPECT_EQ(pool.statistics().blocks, 0u) << "mapped for nothing";
  EXPECT_EQ(context.counters().registered_bytes, 0u);
  const auto missing = os::ring_verdict(os::RingNeed::files);
  if (missing == "leat was built without liburing") {
    EXPECT_TRUE(refused.error().is(EOPNOTSUPP));
  } else {
    EXPECT_TRUE(refused.error().is(EPERM));
    EXPECT_TRUE(refused.error().operation.contains("ContextOptions::ring"));
  }
}

TEST_F(RegisteredBlocksDenied, by_a_filter) {
  if (const auto why = filters_unavailable(); !why.empty()) GTEST_SKIP() << why;
  if (const auto missing = os::ring_verdict(os::RingNeed::files); !missing.empty())
    GTEST_SKIP() << "no io_uring here: " << missing;
  for (const std::string_view call : {"io_uring_setup", "io_uring_register"})
    for (const int error_number : {EPERM, ENOSYS}) {
      on_own_thread([&] {
        refuse_calls({call}, error_number);
        Context context = make_context();
        Pool pool = make_pool();
        const auto refused = context.register_blocks(pool);
        ASSERT_FALSE(refused);
        EXPECT_TRUE(refused.error().is(error_number)) << refused.error().message();
        EXPECT_EQ(refused.error().operation, std::string(call) + " (denied by a seccomp filter)");
        EXPECT_EQ(pool.statistics().blocks, 0u) << "mapped for nothing";
      });
    }
}

}  // namespace
}  // namespace leat::testing
