/// Blocks of a pool beside those of malloc and mimalloc.
#pragma once

#include <vector>

#include "memory/side_by_side.h"

namespace leat::app::memory {

/// The groups "pool_single" and "pool_burst": blocks of 64 KiB, aligned to pages, one after the
/// other or 64 at once; the first byte of each is written. The first row is mimalloc's; where that
/// is not there it is absent, with the reason, and nothing is held against it. One thread.
Expected<std::vector<Group>> measure_pools(const Settings& settings);

}  // namespace leat::app::memory
