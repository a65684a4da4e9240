/// The ways to look at a file's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <leat/fd.h>

#include "memory/side_by_side.h"

namespace leat::app::memory {

/// Every cache line is touched: the sum of the first 8 bytes of each 64.
std::uint64_t sum_of_lines(std::span<const std::byte> bytes);
/// Every 8 bytes are.
std::uint64_t sum_of_words(std::span<const std::byte> bytes);

/// What an operation looks at, of a file that outlives the ways.
struct Look {
  FdRef file;
  FdRef direct;                 ///< the same, opened with O_DIRECT; none: see `no_direct`
  std::string no_direct;        ///< why there is none
  std::uint64_t size = 0;       ///< of the file, whole pages
  std::size_t block_bytes = 0;  ///< of those that read
  bool at_random = false;       ///< one block at a random offset; else all of the file in its order
  std::uint64_t (*sum)(std::span<const std::byte>) = sum_of_lines;
};

/// Where the operations of a way begin: the same offsets in the same order for each way.
class Offsets {
 public:
  explicit Offsets(const Look& look) : look_(look) {}

  /// The blocks of the next operation, appended.
  void add_next(std::vector<std::uint64_t>& blocks);

 private:
  Look look_;
  std::mt19937_64 random_{1};
};

/// The error is a line.
Expected<Way> read_into_buffer(const Look& look);
Expected<Way> keep_mapped(const Look& look);
Way map_each_time(const Look& look, bool populate);
/// Past the page cache. The error is why there is none here.
Expected<Way> read_direct(const Look& look);
Expected<Way> read_by_ring(const Look& look);

}  // namespace leat::app::memory
