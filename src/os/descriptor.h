// What a descriptor is and how it behaves: fstat(2), fcntl(2), fstatfs(2).
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

enum class FileType : std::uint8_t {
  regular,
  block_device,
  character_device,
  pipe,
  socket,
  directory,
  other
};

struct FileStat {
  FileType type = FileType::other;
  std::uint64_t size = 0;
  std::uint64_t allocated = 0;  ///< bytes that have blocks; less than `size` if there are holes
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 0;
  unsigned mode = 0;  ///< permission bits only
  unsigned owner = 0;
  unsigned group = 0;
};
/// See fstat(2). For a block device `size` is its capacity. Errors: EBADF.
Result<FileStat> stat(FdRef fd);
/// The same as the kernel knows it now: it asks no server of a FUSE or network file system, which
/// may take its time. See statx(2) AT_STATX_DONT_SYNC.
Result<FileStat> stat_without_waiting(FdRef fd);

/// What differs after a change of a file's content, as far as the kernel tells.
struct FileVersion {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};
/// See fstat(2). Stores through a mapping show once the kernel has noticed them (a first store to a
/// clean page, writing it out). Since Linux 6.13 the times tell changes apart that follow each
/// other closely, before that only those of different ticks. Errors: EBADF.
Result<FileVersion> version_of(FdRef file);

struct StatusFlags {
  bool nonblocking = false;
  bool append = false;
  bool direct = false;
};
/// See fcntl(2) F_GETFL. Errors: EBADF.
Result<StatusFlags> status_flags(FdRef fd);
/// For owned descriptors only.
Result<void> set_nonblocking(FdRef fd);

/// When the size that fstat reports is the size that read(2) finds.
enum class SizeTrust : std::uint8_t {
  never,        ///< /proc, /sys and their kin
  unless_zero,  ///< FUSE: what stands behind it may not know the size before it is read
  always,
};

/// The file system that a file is on.
struct FileSystem {
  SizeTrust size_trust = SizeTrust::never;
  std::uint64_t block_bytes = 0;  ///< what offsets of shared extents are multiples of
  std::uint32_t type = 0;         ///< a magic number of statfs(2)
  bool shares_extents = false;    ///< FICLONERANGE may work there; only the call itself tells
  bool copies_by_pages = false;   ///< copy_file_range(2) there is the kernel's own, as on others
  /// Files of one such file system may differ in FileStat::device (subvolumes, layers).
  bool has_several_devices = false;
};
/// See fstatfs(2).
Result<FileSystem> file_system(FdRef file);
/// The same by statmount(2), which asks nobody (fstatfs(2) asks the server of a FUSE or network
/// file system) and does not tell `block_bytes`. Errors: ENOSYS before Linux 6.8; ENOENT, EPERM:
/// the file lies in no mount that this process can see.
Result<FileSystem> file_system_without_waiting(FdRef file);
/// True for a file system whose files are in memory, or are made while they are read. What of a
/// tmpfs was swapped out counts as in memory, too.
bool has_no_disk(std::uint32_t type);

/// True for a terminal that a program is run on; false for the master side of a pseudo-terminal.
bool is_terminal(FdRef fd) noexcept;

/// A new open file description of the same pipe, terminal or file, through /proc/self/fd, so that
/// O_NONBLOCK can be set without changing a borrowed one. Errors: EACCES, ENOENT (no /proc), EBADF
/// (not open for this direction).
enum class Access : std::uint8_t { read, write };
Result<OwnedFd> reopen_nonblocking(FdRef fd, Access access);
/// The same with more flags of open(2).
Result<OwnedFd> reopen(FdRef fd, Access access, int extra_flags);

}  // namespace leat::os
