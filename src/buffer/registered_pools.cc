#include "buffer/registered_pools.h"

#include <algorithm>
#include <utility>

namespace leat {

bool RegisteredPools::has(const PoolState& pool) const noexcept {
  return std::ranges::any_of(pools_, [&pool](const auto& each) { return each.get() == &pool; });
}

std::vector<Lease> RegisteredPools::lease(std::size_t bytes, std::size_t least, std::size_t most) {
  for (const std::shared_ptr<PoolState>& pool : pools_) {
    const std::size_t in_each = pool->options.block_bytes / bytes;
    if (in_each == 0) continue;
    std::vector<Lease> leases;
    while (leases.size() * in_each < most) {
      auto leased = PoolAccess::lease(*pool);
      if (!leased) break;
      leases.push_back(std::move(*leased));
    }
    if (leases.size() * in_each >= least) return leases;
  }
  return {};
}

}  // namespace leat
