// What pools, their caches and their leases share.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <leat/pool.h>

#include "os/block_memory.h"

namespace leat {

/// One block. Never moves, and lives as long as the pool's memory does.
struct BlockRecord : Keeper::Count {
  BlockRecord() noexcept : Count(end_of_slices) {}
  static void end_of_slices(Count& count) noexcept;

  PoolHome* home = nullptr;     // where a frozen one goes back to
  BlockRecord* next = nullptr;  // of those that other threads gave back
};

/// Room for so many. Not linked through the records: one that has just come back would be read for
/// its next while that is still being written.
class RecordStack {
 public:
  RecordStack() noexcept = default;
  explicit RecordStack(std::size_t most)
      : room_(std::make_unique<BlockRecord*[]>(most)), top_(room_.get()), end_(top_ + most) {}

  bool empty() const noexcept { return top_ == room_.get(); }
  bool full() const noexcept { return top_ == end_; }
  void push(BlockRecord& record) noexcept { *top_++ = &record; }
  BlockRecord& pop() noexcept { return **--top_; }

 private:
  std::unique_ptr<BlockRecord*[]> room_;
  BlockRecord** top_ = nullptr;
  BlockRecord** end_ = nullptr;
};

/// Where leases go back to: one for each PoolCache, and one for all else.
struct PoolHome {
  PoolState* state = nullptr;
  /// Whose it is; null: nobody's, everything goes to the pool. Others only compare it with
  /// themselves, also while its owner closes it.
  std::atomic<const void*> thread = nullptr;
  RecordStack kept;                              // of that thread alone, as is the next
  std::size_t leased = 0;                        // and not given back on that thread
  std::atomic<BlockRecord*> returned = nullptr;  // by others; `closed` once the cache is gone
};

struct PoolState {
  explicit PoolState(const PoolOptions& wishes);

  Result<BlockRecord*> take();
  Result<BlockRecord*> wait_and_take(std::optional<std::chrono::steady_clock::time_point> deadline,
                                     const std::stop_token& stop);
  void take_back(std::span<BlockRecord* const> records) noexcept { end_use(records, 0); }
  PoolHome* open_home(std::size_t most_kept);
  void close_home(PoolHome& home) noexcept;
  /// Maps all the blocks that there may be. Errors: as Pool::lease; what was mapped before stays.
  Result<void> map_all();
  /// What is mapped.
  std::vector<std::span<std::byte>> stretches() const;
  /// Keeps them mapped as long, whatever becomes of the pool.
  std::shared_ptr<PoolState> keep();
  /// The pool is gone: with the last block and the last cache, this goes too.
  void let_go() noexcept { end_use({}, 1); }

  const PoolOptions options;
  mutable std::mutex mutex;
  std::condition_variable_any came_back;
  Backing backing;
  PoolStatistics statistics;
  PoolHome shared_home;

 private:
  struct Slab {
    std::span<std::byte> bytes;
    std::unique_ptr<BlockRecord[]> records;
  };

  ~PoolState();
  Result<void> map_more();
  Result<void> map_slab(std::size_t blocks);
  void end_use(std::span<BlockRecord* const> records, std::size_t users) noexcept;

  std::vector<Slab> slabs_;
  std::vector<BlockRecord*> free_;
  std::vector<std::unique_ptr<PoolHome>> homes_;
  std::size_t users_ = 1;  // the pool, its caches and who keeps it
};

struct PoolAccess {
  static PoolState& state(Pool& pool) noexcept { return *pool.state_; }
  /// As Pool::lease.
  static Result<Lease> lease(PoolState& state);
  /// Inline, so that it is made where it is returned to: one that is moved there is read again
  /// while it is still being written, which takes longer than all else.
  [[gnu::always_inline]] static Lease leased(BlockRecord& record, PoolHome& home) noexcept {
    return {&record, &home};
  }
};

}  // namespace leat
