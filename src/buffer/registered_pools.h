// The pools that a context's ring knows.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <leat/pool.h>

#include "buffer/pool_state.h"

namespace leat {

/// Keeps them. One thread.
class RegisteredPools {
 public:
  bool has(const PoolState& pool) const noexcept;
  void add(std::shared_ptr<PoolState> pool) { pools_.push_back(std::move(pool)); }

  /// Blocks in which `most` stretches of `bytes` have room, or as many as are free, but at least
  /// `least`: of the pool registered first that has them. Else none. Never waits, maps nothing.
  std::vector<Lease> lease(std::size_t bytes, std::size_t least, std::size_t most);

 private:
  std::vector<std::shared_ptr<PoolState>> pools_;
};

}  // namespace leat
