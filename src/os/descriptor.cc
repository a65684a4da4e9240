#include "os/descriptor.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>

#include "os/error.h"

namespace leat {

void OwnedFd::reset() noexcept {
  // close(2) must not be retried: Linux has given the number back even when it says EINTR.
  const int number = release();
  if (number >= 0) ::close(number);
}

}  // namespace leat

namespace leat::os {
namespace {

FileType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return FileType::regular;
    case S_IFBLK: return FileType::block_device;
    case S_IFCHR: return FileType::character_device;
    case S_IFIFO: return FileType::pipe;
    case S_IFSOCK: return FileType::socket;
    case S_IFDIR: return FileType::directory;
    default: return FileType::other;
  }
}

// Those that are not in <linux/magic.h>.
constexpr std::uint32_t bcachefs_magic = 0xca451a4e;
constexpr std::uint32_t zfs_magic = 0x2fc12fc1;

SizeTrust size_trust_of(std::uint32_t type) {
  switch (type) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC: return SizeTrust::never;
    case FUSE_SUPER_MAGIC: return SizeTrust::unless_zero;
    default: return SizeTrust::always;
  }
}

// They bring no copy_file_range(2) of their own: it is the kernel's, page cache to page cache.
bool copies_by_pages(std::uint32_t type) {
  return type == EXT4_SUPER_MAGIC || type == TMPFS_MAGIC || type == F2FS_SUPER_MAGIC;
}

bool may_share_extents(std::uint32_t type) {
  switch (type) {
    case BTRFS_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case OVERLAYFS_SUPER_MAGIC:  // if the layer beneath does
    case NFS_SUPER_MAGIC:        // since 4.2
    case SMB2_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case bcachefs_magic:
    case OCFS2_SUPER_MAGIC:
    case zfs_magic: return true;
    default: return false;
  }
}

bool has_several_devices(std::uint32_t type) {
  return type == BTRFS_SUPER_MAGIC || type == bcachefs_magic || type == OVERLAYFS_SUPER_MAGIC ||
         type == zfs_magic;
}

// <linux/mount.h> and <linux/stat.h> of Linux 6.8.
constexpr unsigned statx_mnt_id_unique = 0x4000;
constexpr long statmount_number = 457;
struct MountRequest {
  std::uint32_t size = 24;
  std::uint32_t spare = 0;
  std::uint64_t mount = 0;
  std::uint64_t what = 1;  // STATMOUNT_SB_BASIC
};
struct MountAnswer {
  std::uint32_t size;
  std::uint32_t options;
  std::uint64_t mask;
  std::uint32_t device_major;
  std::uint32_t device_minor;
  std::uint64_t magic;
  std::byte rest[480];
};
static_assert(sizeof(MountRequest) == 24 && sizeof(MountAnswer) == 512);

}  // namespace

Result<FileStat> stat(FdRef fd) {
  struct stat raw;
  if (::fstat(fd.number(), &raw) < 0) return last_error("fstat");
  FileStat stat{.type = type_of(raw.st_mode),
                .size = static_cast<std::uint64_t>(raw.st_size),
                .allocated = static_cast<std::uint64_t>(raw.st_blocks) * 512,
                .device = raw.st_dev,
                .inode = raw.st_ino,
                .links = raw.st_nlink,
                .mode = raw.st_mode & 07777u,
                .owner = raw.st_uid,
                .group = raw.st_gid};
  // A device that does not tell its size (or was only named, by O_PATH) is read until it ends.
  if (stat.type == FileType::block_device && ::ioctl(fd.number(), BLKGETSIZE64, &stat.size) < 0)
    stat.size = 0;
  return stat;
}

Result<FileStat> stat_without_waiting(FdRef fd) {
  struct statx raw{};
  if (::statx(fd.number(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &raw) < 0)
    return last_error("statx");
  FileStat stat{.type = type_of(raw.stx_mode),
                .size = raw.stx_size,
                .allocated = raw.stx_blocks * 512,
                .device = makedev(raw.stx_dev_major, raw.stx_dev_minor),
                .inode = raw.stx_ino,
                .links = raw.stx_nlink,
                .mode = raw.stx_mode & 07777u,
                .owner = raw.stx_uid,
                .group = raw.stx_gid};
  if (stat.type == FileType::block_device && ::ioctl(fd.number(), BLKGETSIZE64, &stat.size) < 0)
    stat.size = 0;
  return stat;
}

Result<FileVersion> version_of(FdRef file) {
  struct stat raw;
  if (::fstat(file.number(), &raw) < 0) return last_error("fstat");
  const auto nanoseconds = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  return FileVersion{.device = raw.st_dev,
                     .inode = raw.st_ino,
                     .size = static_cast<std::uint64_t>(raw.st_size),
                     .modified_ns = nanoseconds(raw.st_mtim),
                     .changed_ns = nanoseconds(raw.st_ctim)};
}

Result<StatusFlags> status_flags(FdRef fd) {
  const int flags = ::fcntl(fd.number(), F_GETFL);
  if (flags < 0) return last_error("fcntl F_GETFL");
  return StatusFlags{.nonblocking = (flags & O_NONBLOCK) != 0,
                     .append = (flags & O_APPEND) != 0,
                     .direct = (flags & O_DIRECT) != 0};
}

Result<void> set_nonblocking(FdRef fd) {
  const int flags = ::fcntl(fd.number(), F_GETFL);
  if (flags < 0) return last_error("fcntl F_GETFL");
  if ((flags & O_NONBLOCK) == 0 && ::fcntl(fd.number(), F_SETFL, flags | O_NONBLOCK) < 0)
    return last_error("fcntl F_SETFL");
  return {};
}

Result<FileSystem> file_system(FdRef file) {
  struct statfs raw;
  if (::fstatfs(file.number(), &raw) < 0) return last_error("fstatfs");
  // Some architectures have a signed 32-bit word there.
  const auto type = static_cast<std::uint32_t>(raw.f_type);
  return FileSystem{.size_trust = size_trust_of(type),
                    .block_bytes = static_cast<std::uint64_t>(raw.f_bsize),
                    .type = type,
                    .shares_extents = may_share_extents(type),
                    .copies_by_pages = copies_by_pages(type),
                    .has_several_devices = has_several_devices(type)};
}

Result<FileSystem> file_system_without_waiting(FdRef file) {
  struct statx named{};
  if (::statx(file.number(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, statx_mnt_id_unique, &named) <
      0)
    return last_error("statx");
  if ((named.stx_mask & statx_mnt_id_unique) == 0) return make_error(ENOSYS, "statmount");
  const MountRequest request{.mount = named.stx_mnt_id};
  MountAnswer answer{};
  if (::syscall(statmount_number, &request, &answer, sizeof answer, 0) < 0)
    return last_error("statmount");
  const auto type = static_cast<std::uint32_t>(answer.magic);
  return FileSystem{.size_trust = size_trust_of(type),
                    .type = type,
                    .shares_extents = may_share_extents(type),
                    .copies_by_pages = copies_by_pages(type),
                    .has_several_devices = has_several_devices(type)};
}

bool has_no_disk(std::uint32_t type) {
  return size_trust_of(type) == SizeTrust::never || type == TMPFS_MAGIC || type == RAMFS_MAGIC ||
         type == HUGETLBFS_MAGIC;
}

bool is_terminal(FdRef fd) noexcept {
  int number = 0;
  const bool is_master = ::ioctl(fd.number(), TIOCGPTN, &number) == 0;
  return ::isatty(fd.number()) == 1 && !is_master;
}

Result<OwnedFd> reopen(FdRef fd, Access access, int extra_flags) {
  const int flags = ::fcntl(fd.number(), F_GETFL);
  if (flags < 0) return last_error("fcntl F_GETFL");
  // /proc would open it for a direction that this descriptor was not opened for.
  const int wrong_mode = access == Access::read ? O_WRONLY : O_RDONLY;
  if ((flags & O_ACCMODE) == wrong_mode) return make_error(EBADF, "open /proc/self/fd");
  std::array<char, 40> path;
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd.number());
  const int mode = access == Access::read ? O_RDONLY : O_WRONLY;
  const int number = retry_interrupted(
      [&] { return ::open(path.data(), mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | extra_flags); });
  if (number < 0) return last_error("open /proc/self/fd");
  return OwnedFd(number);
}

Result<OwnedFd> reopen_nonblocking(FdRef fd, Access access) { return reopen(fd, access, 0); }

}  // namespace leat::os
