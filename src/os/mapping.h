// Stretches of files in memory: mmap(2), madvise(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Pages of a file, shared with its page cache and only to be read. Unmapped with its owner.
///
/// Whoever reads beyond the end of the file is killed by SIGBUS; a system call that does gets
/// EFAULT, or moves less. Between the file's end and its page's end there are zeros.
class [[nodiscard]] FileMapping {
 public:
  FileMapping() noexcept = default;
  FileMapping(FileMapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  FileMapping& operator=(FileMapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~FileMapping() { reset(); }

  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  bool valid() const noexcept { return !bytes_.empty(); }
  void reset() noexcept;

 private:
  friend Result<FileMapping> map_file(FdRef, std::uint64_t, std::size_t);
  explicit FileMapping(std::span<std::byte> bytes) noexcept : bytes_(bytes) {}
  std::span<std::byte> bytes_;
};

/// Maps `length` bytes of `file` from `offset`, a multiple of the page size, on; both may reach
/// beyond its end. See mmap(2), MAP_SHARED.
/// Errors: ENODEV (no mapping of such files: /proc, pipes), EACCES (not open for reading), EINVAL
/// (length 0), ENOMEM (RLIMIT_AS, too many mappings), EAGAIN (RLIMIT_MEMLOCK after mlockall(2)), …
Result<FileMapping> map_file(FdRef file, std::uint64_t offset, std::size_t length);

enum class MapRights : std::uint8_t { read, private_copy, shared };
/// As map_file(), whole pages with these rights (MAP_PRIVATE for a private copy); given back by
/// unmap_pages().
Result<std::span<std::byte>> map_window(FdRef file, std::uint64_t offset, std::size_t length,
                                        MapRights rights);
/// See madvise(2). Errors: EINVAL (an advice that this kernel does not know).
Result<void> advise(std::span<const std::byte> pages, int advice);
/// Fills in the page table, for a private copy without copying. Errors: as populate().
Result<void> populate_pages(std::span<const std::byte> pages);
/// Of a private copy: has all of them copied, as if each had been written to.
Result<void> copy_pages_in(std::span<std::byte> pages);
/// Copies what of `from` can be read, to its first hole; how much. See process_vm_readv(2).
Result<std::size_t> copy_what_is_there(std::span<const std::byte> from, std::span<std::byte> into);

/// Its pages will be read in order: read further ahead. See madvise(2) MADV_SEQUENTIAL.
Result<void> expect_sequential(const FileMapping& mapping);
/// Reads its pages from the disk and fills in the page table at once. See madvise(2)
/// MADV_POPULATE_READ, Linux 5.14. Errors: EINVAL before that, EFAULT beyond the file's end.
Result<void> populate(const FileMapping& mapping);

}  // namespace leat::os
