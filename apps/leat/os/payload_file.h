/// Files to measure with: without a name, so that nothing is left behind whatever ends the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::app::os {

/// An empty file in `folder`, open for reading and writing, without a name (O_TMPFILE; where the
/// file system has none, its name is removed at once). Errors: those of open(2).
Result<OwnedFd> nameless_file(const std::string& folder);

/// Another descriptor of the same open file description.
Result<OwnedFd> duplicate(FdRef file);

/// Appends `bytes`. Errors: ENOSPC, EIO.
Result<void> append(FdRef file, std::span<const std::byte> bytes);
/// Puts what was written on the disk, so that no write-back runs while something is measured.
Result<void> flush(FdRef file);
/// Writes back what is dirty and asks the kernel to drop the file's pages from the page cache: it
/// keeps those that are locked, mapped or being read. See posix_fadvise(2). Errors: EIO, ENOSPC.
Result<void> drop_cached(FdRef file);
/// Reads the first `size` bytes once. Errors: EIO.
Result<void> read_once(FdRef file, std::uint64_t size);
/// Fills `into` from the file's start. Errors: EIO (also of a file that is shorter).
Result<void> read_into(FdRef file, std::span<std::byte> into);

/// Keeps the first `size` bytes of a file in the page cache while it lives, where mlock(2) permits
/// that. Not passed on to children. Move-only.
class PageLock {
 public:
  PageLock(FdRef file, std::uint64_t size) noexcept;
  PageLock(PageLock&& other) noexcept
      : start_(std::exchange(other.start_, nullptr)), size_(other.size_) {}
  PageLock& operator=(PageLock&&) = delete;
  ~PageLock();

  /// False if it was not permitted: then pages may go when nobody looks at them for a while.
  bool holds() const noexcept { return start_ != nullptr; }

 private:
  void* start_ = nullptr;
  std::uint64_t size_ = 0;
};

/// How much of the first `size` bytes is in the page cache, in whole pages. The file must be the
/// caller's own: of others mincore(2) says nothing true. Errors: ENOMEM.
Result<std::uint64_t> resident_bytes(FdRef file, std::uint64_t size);
Result<std::uint64_t> size_of(FdRef file);
/// True if the file system lies on one block device, which then carries what is read and written;
/// false of tmpfs, and where it cannot be told (overlayfs, btrfs, network file systems).
bool is_on_block_device(FdRef file) noexcept;

/// What an unprivileged program may still write in `folder`. See statvfs(3).
Result<std::uint64_t> free_bytes(const std::string& folder);

}  // namespace leat::app::os
