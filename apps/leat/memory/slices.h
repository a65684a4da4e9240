/// 64 KiB of a buffer handed on: copied, or as a slice.
#pragma once

#include "memory/side_by_side.h"

namespace leat::app::memory {

inline constexpr std::size_t slice_bytes = 64u << 10;

namespace slice_rows {
inline constexpr const char* kept_copy = "copied into a kept buffer";
inline constexpr const char* new_copy = "copied into a new buffer";
inline constexpr const char* call_scoped = "call-scoped part";
inline constexpr const char* counted = "ref-counted part";
}  // namespace slice_rows

/// The rows are those of `slice_rows`, in that order. References are counted as in a program with
/// threads. One thread.
Expected<Group> measure_slices(const Settings& settings);

}  // namespace leat::app::memory
