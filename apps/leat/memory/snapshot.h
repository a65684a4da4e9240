/// Memory sent as it is now, while it is written to.
#pragma once

#include "memory/memory_use.h"

namespace leat::app::memory {

namespace snapshot_rows {
inline constexpr const char* forked = "snapshot_fork";
inline constexpr const char* copied = "copied first, then sent";
}  // namespace snapshot_rows

/// The rows are those of `snapshot_rows`. Every tenth page is written while the snapshot is sent:
/// the receiver begins to read only when that is done. To be called while this process has one
/// thread, as it forks.
Expected<UseGroup> measure_snapshot(const UseSettings& settings);

}  // namespace leat::app::memory
