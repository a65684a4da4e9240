/// A file's bytes looked at: read into a buffer, or where they lie.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memory/side_by_side.h"

namespace leat::app::memory {

struct ReadSettings {
  Settings timing{};
  std::string folder;               ///< of the files, which have no name
  std::uint64_t size = 1ull << 30;  ///< of the large file; whole pages
};

inline constexpr std::uint64_t small_file_bytes = 4ull << 20;

namespace read_rows {
inline constexpr const char* read = "pread, a reused buffer";
inline constexpr const char* kept = "mapping, kept";
inline constexpr const char* mapped = "mapped each time";
inline constexpr const char* populated = "mapped each time, populated";
inline constexpr const char* direct = "O_DIRECT, from the disk";
inline constexpr const char* ring = "io_uring, from the disk";
}  // namespace read_rows

/// How the pages of the small file came into the page cache, which decides how large the folios are
/// that they lie in, and that is what mapping them costs.
enum class Cached : std::uint8_t {
  written,     ///< by one write(2) of all of it
  read_ahead,  ///< by the kernel's readahead, of a program that reads 4 KiB at a time
};

/// 4 MiB, every cache line touched; an operation is all of it. Rows are those of `read_rows`, the
/// first is `read`; those that this host does not have are absent, with the reason. No rows where
/// the file cannot be dropped from the page cache, which `read_ahead` needs.
Expected<Group> measure_small_file(const ReadSettings& settings, Cached cached);

/// All 8-byte words of that file summed: `read` and `kept` alone.
Expected<Group> measure_summing(const ReadSettings& settings);

/// 4 KiB at random offsets of the large file, and all of it from its start.
Expected<std::vector<Group>> measure_large_file(const ReadSettings& settings);

/// All of that.
Expected<std::vector<Group>> measure_file_reads(const ReadSettings& settings);

}  // namespace leat::app::memory
