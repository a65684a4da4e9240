/// Blocks of memory that are used again and again: aligned to pages, in huge pages, on one node,
/// locked, within a budget.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <utility>

#include <leat/buffer.h>
#include <leat/error.h>
#include <leat/keeper.h>

namespace leat {

struct PoolState;
struct PoolHome;
struct PoolAccess;

/// Bytes that several pools may map together, and never more. Any thread.
class Budget {
 public:
  explicit Budget(std::uint64_t bytes) noexcept : limit_(bytes) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  std::uint64_t limit() const noexcept { return limit_; }
  std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  friend struct PoolState;
  bool take(std::uint64_t bytes) noexcept;
  void give(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_ = 0;
};

/// What lies behind a block. See mmap(2) MAP_HUGETLB, madvise(2) MADV_HUGEPAGE.
enum class Backing : std::uint8_t {
  pages,
  transparent_huge,  ///< huge pages if the kernel finds some, which it does not tell
  huge,              ///< huge pages that were set aside (/proc/sys/vm/nr_hugepages)
};
std::string_view name_of(Backing backing) noexcept;

struct PoolOptions {
  /// Of each block; rounded up to whole pages, which is what O_DIRECT needs too.
  std::size_t block_bytes = 64u << 10;
  std::size_t most_blocks = 1024;
  /// What is wished for. `huge` falls back to `transparent_huge` where none are set aside, and that
  /// to `pages` where the kernel has none: Pool::backing says which it is.
  Backing backing = Backing::pages;
  /// The NUMA node that the memory is to lie on, while it has some: see mbind(2) MPOL_PREFERRED.
  std::optional<unsigned> node{};
  bool locked = false;           ///< never swapped out: mlock(2), within RLIMIT_MEMLOCK
  bool not_in_children = false;  ///< a child of fork(2) does not have it: MADV_DONTFORK
  std::shared_ptr<Budget> budget{};
};

struct PoolStatistics {
  std::uint64_t blocks = 0;        ///< mapped
  std::uint64_t mapped_bytes = 0;  ///< by them
  std::uint64_t leased = 0;        ///< blocks now; what a PoolCache keeps counts as leased
  std::uint64_t high_water = 0;    ///< the most there ever were
  std::uint64_t misses = 0;        ///< leases for which memory had to be mapped, or that got none
};

/// A block to be written, and given back when this goes. Move-only; from thread to thread, but one
/// at a time. Outlives its pool.
class [[nodiscard]] Lease {
 public:
  Lease() noexcept = default;
  Lease(Lease&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), home_(std::exchange(other.home_, nullptr)) {}
  Lease& operator=(Lease&& other) noexcept {
    Lease taken(std::move(other));
    std::swap(block_, taken.block_);
    std::swap(home_, taken.home_);
    return *this;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (block_) give_back();
  }

  /// False if it is empty: made by default, moved from or frozen.
  bool valid() const noexcept { return block_ != nullptr; }
  /// All of the block. What was in it is in it still.
  std::span<std::byte> bytes() const noexcept {
    if (!block_) return {};
    return {const_cast<std::byte*>(block_->memory.data()), block_->memory.size()};
  }

  /// Its first `length` bytes as a Slice, read-only from now on: the block goes back when the last
  /// slice of it is gone, and the kernel has let go of it. Allocates nothing.
  Slice freeze(std::size_t length) &&;

 private:
  friend struct PoolAccess;
  Lease(Keeper::Count* block, PoolHome* home) noexcept : block_(block), home_(home) {}
  void give_back() noexcept;

  Keeper::Count* block_ = nullptr;
  PoolHome* home_ = nullptr;
};

/// Hands out blocks. Maps memory as it is needed, and keeps what comes back for the next. Any
/// thread. Move-only; what is leased outlives it.
class Pool {
 public:
  /// Maps nothing yet. Errors: EINVAL (no bytes, no blocks).
  static Result<Pool> create(const PoolOptions& options);
  Pool(Pool&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Pool& operator=(Pool&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  /// A block. Errors: ENOBUFS (`most_blocks` are leased, or the budget is used up); ENOMEM; EPERM,
  /// ENOMEM, EAGAIN of mlock(2), with RLIMIT_MEMLOCK as the hint; EINVAL (no such node).
  Result<Lease> lease();
  /// The same, but where that says ENOBUFS it waits for a block of this pool to come back, if one
  /// is leased. Errors: also ETIMEDOUT, ECANCELED.
  Result<Lease> wait_for_lease(std::optional<std::chrono::steady_clock::time_point> deadline = {},
                               const std::stop_token& stop = {});

  std::size_t block_bytes() const noexcept;
  /// What the memory mapped last lies in; the wish before that.
  Backing backing() const noexcept;
  PoolStatistics statistics() const;

 private:
  friend class PoolCache;
  friend struct PoolAccess;
  explicit Pool(PoolState* state) noexcept : state_(state) {}
  PoolState* state_;
};

/// Blocks of a pool for one thread, which leases and gives back without a lock: a few instructions
/// each. Made, used and destroyed on that thread; its leases may go anywhere and outlive it.
class PoolCache {
 public:
  /// Keeps at most `blocks` that are not leased.
  explicit PoolCache(Pool& pool, std::size_t blocks = 64);
  PoolCache(const PoolCache&) = delete;
  PoolCache& operator=(const PoolCache&) = delete;
  ~PoolCache();

  /// As Pool::lease.
  Result<Lease> lease();

 private:
  PoolHome* home_;
};

}  // namespace leat
