/// One buffer that several consumers read at the same time.
#pragma once

#include "memory/memory_use.h"

namespace leat::app::memory {

inline constexpr unsigned consumers = 8;

namespace sharing_rows {
inline constexpr const char* threads = "8 threads, slices";
inline constexpr const char* processes = "8 processes, a region";
inline constexpr const char* copies = "8 processes, a copy each";
}  // namespace sharing_rows

/// The rows are those of `sharing_rows`; the copies are absent where they would need more memory
/// than there is. To be called while this process has one thread, as it forks.
Expected<UseGroup> measure_sharing(const UseSettings& settings);

}  // namespace leat::app::memory
