/// Abseil's Cord behind a C interface: leat_cord.so, which is built where Abseil is, and loaded to
/// be measured beside leat's chains. leat itself does not use Abseil.
#pragma once

#include <cstddef>
#include <cstdint>

namespace leat::app::memory {

/// Each returns what the same operation of a chain sees, of one time.
struct CordOperations {
  /// `memory` of pieces of `piece_bytes` each, which outlives what is returned; `part_bytes` are
  /// for `split`.
  void* (*create)(const std::byte* memory, std::size_t piece_bytes, std::size_t pieces,
                  std::size_t part_bytes);
  void (*destroy)(void* cords);
  /// Keeps so many copies of the whole, for `split`.
  void (*copy)(void* cords, std::uint64_t times);
  /// A new cord of all pieces, each taken in as foreign memory. Its size.
  std::uint64_t (*append_foreign)(void* cords, std::uint64_t times);
  /// A new cord of all pieces, which are cords already. Its size.
  std::uint64_t (*append_ready)(void* cords, std::uint64_t times);
  /// Address and size of each piece. The sum of their sizes.
  std::uint64_t (*iterate)(void* cords, std::uint64_t times);
  /// The copies are taken apart from the front. How many parts each has.
  std::uint64_t (*split)(void* cords, std::uint64_t times);
};

}  // namespace leat::app::memory

/// The library's only function.
extern "C" const leat::app::memory::CordOperations* leat_cord_operations();
