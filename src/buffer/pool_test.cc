// Goal: each block is one owner's at a time, comes back exactly once from wherever it went, and the
// budget is never exceeded. Method: leases, slices and caches on several threads, also under the
// thread sanitizer; every lease writes its own mark and looks whether it is still there.

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <leat/pool.h>

#include "support/seam.h"

namespace leat::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Pool make_pool(const PoolOptions& options = {}) { return std::move(*Pool::create(options)); }

bool is_aligned(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  return reinterpret_cast<std::uintptr_t>(bytes.data()) % page == 0 && bytes.size() % page == 0;
}

TEST(PoolTest, hands_out_aligned_blocks_and_uses_them_again) {
  Pool pool = make_pool({.block_bytes = 5000});
  EXPECT_EQ(pool.block_bytes(), 8192u);
  const std::byte* first = nullptr;
  {
    const Lease lease = std::move(*pool.lease());
    EXPECT_TRUE(is_aligned(lease.bytes()));
    EXPECT_EQ(lease.bytes().size(), 8192u);
    first = lease.bytes().data();
    EXPECT_EQ(pool.statistics().leased, 1u);
  }
  const Lease again = std::move(*pool.lease());
  EXPECT_EQ(again.bytes().data(), first);
  const PoolStatistics statistics = pool.statistics();
  EXPECT_EQ(statistics.misses, 1u);
  EXPECT_EQ(statistics.high_water, 1u);
  EXPECT_EQ(statistics.mapped_bytes, statistics.blocks * 8192);
}

TEST(PoolTest, no_more_than_its_blocks) {
  Pool pool = make_pool({.block_bytes = 4096, .most_blocks = 3});
  std::vector<Lease> leases;
  for (int i = 0; i < 3; ++i) leases.push_back(std::move(*pool.lease()));
  EXPECT_TRUE(pool.lease().error().is(ENOBUFS));
  EXPECT_EQ(pool.statistics().blocks, 3u);
  EXPECT_EQ(pool.statistics().misses, 2u);
  leases.pop_back();
  EXPECT_TRUE(pool.lease());
  EXPECT_TRUE(Pool::create({.block_bytes = 0}).error().is(EINVAL));
  EXPECT_TRUE(Pool::create({.most_blocks = 0}).error().is(EINVAL));
  EXPECT_TRUE(Pool::create({.block_bytes = SIZE_MAX}).error().is(EINVAL));
}

TEST(PoolTest, pools_share_a_budget_that_is_never_exceeded) {
  const auto budget = std::make_shared<Budget>(5 * 4096);
  {
    Pool one = make_pool({.block_bytes = 4096, .budget = budget});
    Pool other = make_pool({.block_bytes = 8192, .budget = budget});
    std::vector<Lease> leases;
    leases.push_back(std::move(*one.lease()));
    EXPECT_EQ(budget->used(), 4096u) << "the slab of 2 MiB does not fit, one block does";
    leases.push_back(std::move(*other.lease()));
    leases.push_back(std::move(*other.lease()));
    EXPECT_EQ(budget->used(), 5 * 4096u);
    EXPECT_TRUE(one.lease().error().is(ENOBUFS));
    EXPECT_TRUE(other.lease().error().is(ENOBUFS));
    leases.erase(leases.begin());
    EXPECT_TRUE(one.lease());
    EXPECT_TRUE(other.lease().error().is(ENOBUFS));
    Pool third = make_pool({.block_bytes = 4096, .budget = budget});
    EXPECT_TRUE(third.wait_for_lease().error().is(ENOBUFS)) << "nothing of its own can come back";
  }
  EXPECT_EQ(budget->used(), 0u);
}

TEST(PoolTest, waits_for_a_block_to_come_back) {
  Pool pool = make_pool({.most_blocks = 1});
  Lease lease = std::move(*pool.lease());
  EXPECT_TRUE(pool.wait_for_lease(steady_clock::now()).error().is(ETIMEDOUT));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(pool.wait_for_lease({}, stop.get_token()).error().is(ECANCELED));
  std::jthread other([mine = std::move(lease)]() mutable { mine = Lease(); });
  EXPECT_TRUE(pool.wait_for_lease());
}

TEST(PoolTest, a_frozen_block_comes_back_with_its_last_slice) {
  Pool pool = make_pool({.block_bytes = 4096, .most_blocks = 1});
  Lease lease = std::move(*pool.lease());
  std::ranges::fill(lease.bytes(), std::byte{7});
  Slice slice = std::move(lease).freeze(100);
  EXPECT_EQ(slice.size(), 100u);
  EXPECT_EQ(slice.retained_bytes(), 4096u);
  EXPECT_FALSE(slice.is_never_reused());
  Slice part = slice.subslice(99);
  slice = Slice();
  EXPECT_EQ(part.bytes()[0], std::byte{7});
  EXPECT_TRUE(pool.lease().error().is(ENOBUFS));
  std::jthread([last = std::move(part)]() mutable { last = Slice(); }).join();
  EXPECT_TRUE(pool.lease());
  EXPECT_TRUE(Lease().bytes().empty());
  EXPECT_TRUE(Lease().freeze(1).empty());
}

TEST(PoolTest, what_is_leased_outlives_it) {
  Slice slice;
  Lease lease;
  {
    Pool pool = make_pool({.block_bytes = 4096});
    slice = std::move(*pool.lease()).freeze(10);
    lease = std::move(*pool.lease());
  }
  lease.bytes()[0] = std::byte{1};
  lease = Lease();
  EXPECT_EQ(slice.size(), 10u);
}

TEST(PoolTest, says_what_its_memory_lies_in) {
  for (const Backing wish : {Backing::pages, Backing::transparent_huge, Backing::huge}) {
    Pool pool = make_pool({.block_bytes = 64 << 10, .backing = wish});
    const auto lease = pool.lease();
    ASSERT_TRUE(lease) << lease.error().message();
    lease->bytes()[0] = std::byte{1};
    EXPECT_LE(pool.backing(), wish) << name_of(pool.backing());
    if (wish != Backing::pages) {
      EXPECT_EQ(pool.statistics().mapped_bytes % (2 << 20), 0u);
    }
  }
}

TEST(PoolTest, where_no_huge_pages_are_set_aside_it_takes_others) {
  const ScopedFaults faults({{.call = "mmap", .error_number = ENOMEM}});
  Pool pool = make_pool({.backing = Backing::huge});
  EXPECT_TRUE(pool.lease());
  EXPECT_NE(pool.backing(), Backing::huge);
}

TEST(PoolTest, lies_on_the_node_that_is_asked_for) {
  Pool pool = make_pool({.node = 0});
  EXPECT_TRUE(pool.lease());
  Pool nowhere = make_pool({.node = 1023});
  EXPECT_FALSE(nowhere.lease());
}

// Pitfall 30.
TEST(PoolTest, memory_that_may_not_be_locked_is_an_error_with_a_hint) {
  const ScopedFaults faults({{.call = "mlock", .error_number = ENOMEM}});
  Pool pool = make_pool({.locked = true});
  const auto lease = pool.lease();
  ASSERT_FALSE(lease);
  EXPECT_TRUE(lease.error().is(ENOMEM));
  EXPECT_NE(lease.error().hint.find("RLIMIT_MEMLOCK"), std::string::npos);
  EXPECT_EQ(pool.statistics().mapped_bytes, 0u);
}

// Pitfall 13.
TEST(PoolTest, children_do_not_have_what_they_are_not_to_have) {
  for (const bool not_in_children : {false, true}) {
    Pool pool = make_pool({.not_in_children = not_in_children});
    const Lease lease = std::move(*pool.lease());
    const pid_t child = ::fork();
    if (child == 0) {
      // mincore(2) of what is not mapped is ENOMEM.
      unsigned char resident = 0;
      ::_exit(::mincore(lease.bytes().data(), 1, &resident) == 0 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), not_in_children ? 1 : 0);
  }
}

TEST(PoolCacheTest, keeps_what_comes_back_on_its_thread) {
  Pool pool = make_pool({.block_bytes = 4096});
  PoolCache cache(pool, 2);
  for (int i = 0; i < 100; ++i) {
    const Lease one = std::move(*cache.lease());
    const Lease other = std::move(*cache.lease());
    EXPECT_NE(one.bytes().data(), other.bytes().data());
  }
  EXPECT_EQ(pool.statistics().leased, 2u) << "kept";
  EXPECT_EQ(pool.statistics().high_water, 2u);
  {
    std::vector<Lease> many;
    for (int i = 0; i < 5; ++i) many.push_back(std::move(*cache.lease()));
  }
  EXPECT_EQ(pool.statistics().leased, 2u) << "what is too much goes to the pool";
}

TEST(PoolCacheTest, gets_back_what_ends_elsewhere) {
  Pool pool = make_pool({.block_bytes = 4096, .most_blocks = 1});
  PoolCache cache(pool);
  for (int i = 0; i < 3; ++i) {
    Lease lease = std::move(*cache.lease());
    EXPECT_TRUE(cache.lease().error().is(ENOBUFS));
    std::jthread([mine = std::move(lease)]() mutable { mine = Lease(); }).join();
  }
  EXPECT_TRUE(cache.lease());
}

TEST(PoolCacheTest, its_leases_outlive_it_and_the_pool) {
  Lease here;
  Slice there;
  {
    Pool pool = make_pool({.block_bytes = 4096});
    PoolCache cache(pool);
    here = std::move(*cache.lease());
    there = std::move(*cache.lease()).freeze(5);
  }
  std::jthread([mine = std::move(there)]() mutable { mine = Slice(); }).join();
  here.bytes()[0] = std::byte{1};
}

/// Leases, slices and parts of them that come and go at random, between threads.
class Traffic {
 public:
  explicit Traffic(Pool& pool) : pool_(pool) {}

  void run(unsigned seed) {
    std::mt19937 random(seed);
    PoolCache cache(pool_, 4);
    std::vector<Lease> leases;
    std::vector<Slice> slices;
    for (int i = 0; i < 2000; ++i) {
      switch (random() % 6) {
        case 0:
        case 1: {
          auto lease = random() % 2 ? cache.lease() : pool_.lease();
          if (!lease) break;
          mark(*lease, static_cast<std::byte>(seed));
          leases.push_back(std::move(*lease));
          break;
        }
        case 2:
          if (leases.empty()) break;
          check(leases.back(), static_cast<std::byte>(seed));
          slices.push_back(std::move(leases.back()).freeze(64));
          leases.pop_back();
          break;
        case 3:
          if (!leases.empty()) leases.erase(leases.begin());
          break;
        case 4:
          if (!slices.empty()) slices[random() % slices.size()] = swap(std::move(slices.back()));
          break;
        default:
          if (!slices.empty()) slices.pop_back();
      }
    }
    for (const Lease& lease : leases) check(lease, static_cast<std::byte>(seed));
  }

 private:
  static void mark(const Lease& lease, std::byte value) { std::ranges::fill(lease.bytes(), value); }
  static void check(const Lease& lease, std::byte value) {
    EXPECT_TRUE(std::ranges::all_of(lease.bytes(), [value](std::byte b) { return b == value; }))
        << "somebody else has it too";
  }
  /// Leaves it to another thread, and takes what one left.
  Slice swap(Slice slice) {
    const std::lock_guard lock(mutex_);
    std::swap(slice, left_);
    return slice;
  }

  Pool& pool_;
  std::mutex mutex_;
  Slice left_;
};

TEST(PoolCacheTest, each_block_is_one_owners_at_a_time) {
  Pool pool = make_pool({.block_bytes = 4096, .most_blocks = 40});
  {
    Traffic traffic(pool);
    std::vector<std::jthread> threads;
    for (unsigned seed = 1; seed <= 3; ++seed)
      threads.emplace_back([&traffic, seed] { traffic.run(seed); });
  }
  EXPECT_EQ(pool.statistics().leased, 0u);
  EXPECT_LE(pool.statistics().blocks, 40u);
}

}  // namespace
}  // namespace leat::testing
