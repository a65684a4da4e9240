/// What the program takes from the heap: its operator new counts.
#pragma once

#include <cstdint>

namespace leat::app::memory {

struct AllocationCount {
  std::uint64_t allocations = 0;
  std::uint64_t bytes = 0;  ///< asked for
};

/// Of the calling thread, since it began, by operator new of the program and its static libraries.
/// What malloc(3) gives without it, and what shared libraries take, is not in it.
AllocationCount allocations_of_thread() noexcept;

/// False under a sanitizer, whose own operator new knows more: then nothing is counted.
bool counts_allocations() noexcept;

}  // namespace leat::app::memory
