/// Keeps the compiler from leaving out, or moving out of a loop, what is measured.
#pragma once

namespace leat::app::memory {

/// As if somebody read the address, and read and wrote all memory that anybody could find by it.
inline void keep(const void* address) { asm volatile("" : : "r"(address) : "memory"); }

}  // namespace leat::app::memory
