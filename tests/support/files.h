// Files with a known content, and what is in them afterwards.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <leat/fd.h>

namespace leat::testing {

/// A nameless file on the disk's file system, open for reading and writing, its own offset at 0.
OwnedFd file_with(std::span<const std::byte> content);
/// The pattern [0, size) of `seed`.
OwnedFd pattern_file(std::uint64_t seed, std::uint64_t size);
/// An extent of data in a sparse file.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
/// Holes but for `extents`, which are the pattern of `seed` at their own offsets.
OwnedFd sparse_file(std::uint64_t seed, std::uint64_t size, std::span<const Extent> extents);

std::vector<std::byte> content_of(FdRef file);
std::string text_of(FdRef file);
std::string text_of(const std::string& path);
void write_text(const std::string& path, std::string_view text);

std::int64_t cursor_of(FdRef file);
std::uint64_t size_of(FdRef file);
std::uint64_t allocated_bytes_of(FdRef file);
/// A second descriptor of the same open file, for the case that the first is given away.
OwnedFd duplicate(FdRef fd);

}  // namespace leat::testing
