// What of this process the kernel has locked or pinned.
#pragma once

#include <cstdint>

namespace leat::testing {

/// VmPin of /proc/self/status: among others what is registered with rings.
std::uint64_t pinned_bytes();

}  // namespace leat::testing
