#include "os/file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <string_view>

#include "os/descriptor.h"
#include "os/error.h"

namespace leat::os {
namespace {

Result<OwnedFd> opened(std::string_view operation, int number) {
  if (number < 0) return last_error(operation);
  return OwnedFd(number);
}

Result<void> done(std::string_view operation, int result) {
  if (result < 0) return last_error(operation);
  return {};
}

Result<std::uint64_t> seek(FdRef file, std::uint64_t offset, int whence, std::string_view what) {
  const off_t found = ::lseek(file.number(), static_cast<off_t>(offset), whence);
  if (found < 0) return last_error(what);
  return static_cast<std::uint64_t>(found);
}

std::array<char, 40> proc_path(FdRef fd) {
  std::array<char, 40> path;
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd.number());
  return path;
}

constexpr int to_read = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

constexpr std::uint64_t resolve_cached = 0x20;  // RESOLVE_CACHED, Linux 5.12

// Their open(2) looks at the inode, which is in memory with its name.
bool opens_at_once(std::uint32_t type) {
  return type == EXT4_SUPER_MAGIC || type == XFS_SUPER_MAGIC || type == BTRFS_SUPER_MAGIC ||
         type == F2FS_SUPER_MAGIC || type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

Result<OwnedFd> open_cached(const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = resolve_cached;
  return opened("openat2",
                static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
}

}  // namespace

Result<OwnedFd> open_without_waiting(const std::string& path) {
  const auto place = open_cached(path, O_PATH | O_CLOEXEC);
  // A kernel or a filter that has no such call may have open(2).
  if (!place && (place.error().is(ENOSYS) || place.error().is(EINVAL) || place.error().is(EPERM)))
    return make_error(EAGAIN, "openat2");
  if (!place) return std::unexpected(place.error());
  const auto where = file_system_without_waiting(*place);
  if (!where || !opens_at_once(where->type)) return make_error(EAGAIN, "openat2");
  return open_cached(path, to_read);
}

Result<OwnedFd> open_for_reading(const std::string& path) {
  return opened("open", retry_interrupted([&] { return ::open(path.c_str(), to_read); }));
}

Result<OwnedFd> open_for_writing(const std::string& path, OpenForWriting how) {
  const int flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (how.create ? O_CREAT : 0) |
                    (how.truncate ? O_TRUNC : 0);
  return opened("open", retry_interrupted([&] { return ::open(path.c_str(), flags, 0666); }));
}

Result<std::uint64_t> next_data(FdRef file, std::uint64_t offset) {
  return seek(file, offset, SEEK_DATA, "lseek SEEK_DATA");
}

Result<std::uint64_t> next_hole(FdRef file, std::uint64_t offset) {
  return seek(file, offset, SEEK_HOLE, "lseek SEEK_HOLE");
}

Result<std::uint64_t> cursor(FdRef file) { return seek(file, 0, SEEK_CUR, "lseek"); }

Result<void> move_cursor(FdRef file, std::uint64_t offset) {
  const auto moved = seek(file, offset, SEEK_SET, "lseek");
  if (!moved) return std::unexpected(moved.error());
  return {};
}

Result<void> set_size(FdRef file, std::uint64_t size) {
  return done("ftruncate", retry_interrupted([&] {
                return ::ftruncate(file.number(), static_cast<off_t>(size));
              }));
}

Result<void> reserve(FdRef file, std::uint64_t offset, std::uint64_t length) {
  return done("fallocate", ::fallocate(file.number(), FALLOC_FL_KEEP_SIZE,
                                       static_cast<off_t>(offset), static_cast<off_t>(length)));
}

Result<void> sync_data(FdRef file) {
  return done("fdatasync", retry_interrupted([&] { return ::fdatasync(file.number()); }));
}

Result<void> sync_all(FdRef file) {
  return done("fsync", retry_interrupted([&] { return ::fsync(file.number()); }));
}

Result<std::string> read_link(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0) return last_error("readlink");
  target.resize(static_cast<std::size_t>(length));
  return target;
}

Result<OwnedFd> open_path(const std::string& path) {
  return opened("open", ::open(path.c_str(), O_PATH | O_CLOEXEC));
}

Result<OwnedFd> open_folder(const std::string& path) {
  return opened("open", ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

Result<void> sync_folder(FdRef folder) {
  const auto listed =
      opened("open", ::openat(folder.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listed) return std::unexpected(listed.error());
  return sync_all(*listed);
}

Result<OwnedFd> folder_of(FdRef file) {
  const auto path = read_link(proc_path(file).data());
  if (!path) return std::unexpected(path.error());
  // What has no name in any folder has one like "pipe:[1]"; a memfd's begins with a slash.
  const std::size_t end = path->rfind('/');
  if (end == std::string::npos || path->starts_with("/memfd:"))
    return make_error(ENOENT, "readlink /proc/self/fd");
  return open_folder(path->substr(0, std::max<std::size_t>(end, 1)));
}

Result<OwnedFd> create_nameless(FdRef folder, unsigned mode, bool readable) {
  const int access = readable ? O_RDWR : O_WRONLY;
  return opened("open O_TMPFILE",
                ::openat(folder.number(), ".", O_TMPFILE | access | O_CLOEXEC, mode));
}

Result<OwnedFd> create_new(FdRef folder, const std::string& name, unsigned mode) {
  return opened("open", ::openat(folder.number(), name.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
}

Result<void> link_nameless(FdRef file, FdRef folder, const std::string& name) {
  return done("linkat", ::linkat(AT_FDCWD, proc_path(file).data(), folder.number(), name.c_str(),
                                 AT_SYMLINK_FOLLOW));
}

bool can_link_nameless(FdRef file) noexcept { return ::access(proc_path(file).data(), F_OK) == 0; }

Result<void> rename(FdRef folder, const std::string& from, const std::string& to) {
  return done("rename", ::renameat(folder.number(), from.c_str(), folder.number(), to.c_str()));
}

Result<void> unlink(FdRef folder, const std::string& name) {
  return done("unlink", ::unlinkat(folder.number(), name.c_str(), 0));
}

int process_id() noexcept { return ::getpid(); }

Result<void> set_mode(FdRef file, unsigned mode) {
  return done("fchmod", ::fchmod(file.number(), mode));
}

Result<void> set_owner(FdRef file, unsigned owner, unsigned group) {
  return done("fchown", ::fchown(file.number(), owner, group));
}

}  // namespace leat::os
