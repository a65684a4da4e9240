/// Looking at memory: what a reader does with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace leat::app::memory {

/// The sum of the 8-byte words that begin at multiples of `step`. A constant, so that the compiler
/// may unroll the loop.
template <std::size_t step>
std::uint64_t sum_every(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at + sizeof sum <= bytes.size(); at += step) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    sum += word;
  }
  return sum;
}

}  // namespace leat::app::memory
