#include "os/file_system_questions.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include <leat/fd.h>

#include "os/error.h"
#include "os/settings.h"

namespace leat::app::os {
namespace {

constexpr off_t hole_bytes = 1 << 20;  // more than the blocks of any file system
constexpr std::size_t most_names = 256;

struct TwoFiles {
  OwnedFd one;
  OwnedFd other;
};

Result<OwnedFd> nameless_file_in(const std::string& folder) {
  const int number = retry_interrupted(
      [&] { return ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); });
  if (number < 0) return last_error("open O_TMPFILE");
  return OwnedFd(number);
}

std::optional<dev_t> device_of(const std::string& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) < 0) return std::nullopt;
  return facts.st_dev;
}

/// One in a folder of another file system would answer for the wrong one.
bool is_on(FdRef file, std::optional<dev_t> device) {
  struct stat facts{};
  return device && ::fstat(file.number(), &facts) == 0 && facts.st_dev == *device;
}

/// By its name a mount beneath others leads to one of those. Kernels before 5.8 do not tell.
bool is_covered(const Places& places) {
  struct statx raw{};
  if (!places.mount_id) return false;
  if (::statx(AT_FDCWD, places.folders.front().c_str(), AT_NO_AUTOMOUNT, STATX_MNT_ID, &raw) < 0) {
    return errno == ENOENT;
  }
  return (raw.stx_mask & STATX_MNT_ID) != 0 && raw.stx_mnt_id != *places.mount_id;
}

Result<TwoFiles> make_files(const std::vector<std::string>& folders) {
  const std::optional<dev_t> device = device_of(folders.front());
  Result<TwoFiles> made = make_error(EACCES, "open O_TMPFILE");
  bool first = true;
  for (const std::string& folder : folders) {
    Result<OwnedFd> one = nameless_file_in(folder);
    if (one && is_on(*one, device)) {
      Result<OwnedFd> other = nameless_file_in(folder);
      if (other) return TwoFiles{std::move(*one), std::move(*other)};
      one = std::unexpected(other.error());
    }
    // That of the place where it is mounted says most.
    if (!one && first) made = std::unexpected(one.error());
    first = false;
  }
  return made;
}

Result<DirectAlignment> alignment_from(const struct statx& raw) {
  return DirectAlignment{.told = (raw.stx_mask & STATX_DIOALIGN) != 0,
                         .memory_bytes = raw.stx_dio_mem_align,
                         .offset_bytes = raw.stx_dio_offset_align};
}

Result<DirectAlignment> alignment_of(FdRef file) {
  struct statx raw{};
  if (::statx(file.number(), "", AT_EMPTY_PATH, STATX_TYPE | STATX_DIOALIGN, &raw) < 0) {
    return last_error("statx");
  }
  return alignment_from(raw);
}

/// Of a regular file that is there already; the first one that is found says it for all.
std::optional<Result<DirectAlignment>> alignment_of_any(const std::string& folder) {
  const std::optional<dev_t> device = device_of(folder);
  std::vector<std::string> paths{folder};  // which is itself a file if one was mounted over it
  for (const std::string& name :
       names_in(folder, most_names).value_or(std::vector<std::string>{})) {
    paths.emplace_back(folder).append("/").append(name);
  }
  for (const std::string& path : paths) {
    struct stat facts{};
    if (::lstat(path.c_str(), &facts) < 0 || !S_ISREG(facts.st_mode) || facts.st_dev != device) {
      continue;
    }
    struct statx raw{};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                STATX_TYPE | STATX_DIOALIGN, &raw) < 0) {
      return last_error("statx");
    }
    return alignment_from(raw);
  }
  return std::nullopt;
}

/// A hole, then a little data.
Result<void> fill(FdRef file) {
  const std::array<std::byte, 4096> data{std::byte{1}};
  const ssize_t count = retry_interrupted(
      [&] { return ::pwrite(file.number(), data.data(), data.size(), hole_bytes); });
  if (count < 0) return last_error("pwrite");
  if (static_cast<std::size_t>(count) != data.size()) return make_error(ENOSPC, "pwrite");
  return {};
}

Result<bool> shows_holes(FdRef file) {
  const off_t data = ::lseek(file.number(), 0, SEEK_DATA);
  if (data < 0) return last_error("lseek SEEK_DATA");
  return data > 0;
}

Result<void> read_without_waiting(FdRef file) {
  std::byte one{};
  const iovec place{.iov_base = &one, .iov_len = 1};
  // EAGAIN: it would have to wait, and does not.
  if (::preadv2(file.number(), &place, 1, hole_bytes, RWF_NOWAIT) < 0 && errno != EAGAIN) {
    return last_error("preadv2");
  }
  return {};
}

Result<void> share_extents(FdRef from, FdRef to) {
  if (retry_interrupted([&] { return ::ioctl(to.number(), FICLONE, from.number()); }) < 0) {
    return last_error("ioctl FICLONE");
  }
  return {};
}

}  // namespace

FileSystemAnswers ask_file_system(const Places& places) {
  FileSystemAnswers answers;
  if (is_covered(places)) {
    answers.no_file = make_error(ESTALE, "statx").error();
    return answers;
  }
  Result<TwoFiles> files = make_error(EROFS, "open O_TMPFILE");
  if (places.may_write) files = make_files(places.folders);
  if (!files) {
    answers.no_file = files.error();
    answers.direct = alignment_of_any(places.folders.front());
    return answers;
  }
  answers.direct = alignment_of(files->one);
  if (const Result<void> filled = fill(files->one); !filled) {
    answers.no_file = filled.error();
    return answers;
  }
  answers.holes = shows_holes(files->one);
  answers.nowait = read_without_waiting(files->one);
  answers.reflink = share_extents(files->one, files->other);
  return answers;
}

std::optional<std::string> working_folder() {
  std::array<char, PATH_MAX> room;
  if (!::getcwd(room.data(), room.size())) return std::nullopt;
  return std::string(room.data());
}

}  // namespace leat::app::os
