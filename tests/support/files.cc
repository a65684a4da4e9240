#include "support/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "support/pattern.h"

namespace leat::testing {
namespace {

/// Setting a test up must not fail; if it does there is nothing to be tested.
template <class T>
T must(T result, const char* what) {
  if (result < 0) {
    std::perror(what);
    std::abort();
  }
  return result;
}

void write_at(FdRef file, std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = must(
        ::pwrite(file.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset)), "pwrite");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

struct stat stat_of(FdRef file) {
  struct stat stat{};
  must(::fstat(file.number(), &stat), "fstat");
  return stat;
}

}  // namespace

OwnedFd file_with(std::span<const std::byte> content) {
  OwnedFd file(must(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open O_TMPFILE"));
  write_at(file, content, 0);
  return file;
}

OwnedFd pattern_file(std::uint64_t seed, std::uint64_t size) {
  return file_with(pattern(seed, 0, size));
}

OwnedFd sparse_file(std::uint64_t seed, std::uint64_t size, std::span<const Extent> extents) {
  OwnedFd file = file_with({});
  must(::ftruncate(file.number(), static_cast<off_t>(size)), "ftruncate");
  for (const Extent& extent : extents)
    write_at(file, pattern(seed, extent.offset, extent.length), extent.offset);
  return file;
}

std::vector<std::byte> content_of(FdRef file) {
  std::vector<std::byte> content(size_of(file));
  std::size_t have = 0;
  while (have < content.size()) {
    const ssize_t count = must(::pread(file.number(), content.data() + have, content.size() - have,
                                       static_cast<off_t>(have)),
                               "pread");
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  content.resize(have);
  return content;
}

std::string text_of(FdRef file) {
  const auto content = content_of(file);
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_text(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::int64_t cursor_of(FdRef file) { return must(::lseek(file.number(), 0, SEEK_CUR), "lseek"); }

std::uint64_t size_of(FdRef file) { return static_cast<std::uint64_t>(stat_of(file).st_size); }

std::uint64_t allocated_bytes_of(FdRef file) {
  return static_cast<std::uint64_t>(stat_of(file).st_blocks) * 512;
}

OwnedFd duplicate(FdRef fd) {
  return OwnedFd(must(::fcntl(fd.number(), F_DUPFD_CLOEXEC, 0), "F_DUPFD_CLOEXEC"));
}

}  // namespace leat::testing
