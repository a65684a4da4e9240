#include "os/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "os/patient_call.h"

namespace leat::app::os {
namespace {

constexpr mode_t permission_bits = 0777;

}  // namespace

bool FileFacts::same_storage(const FileFacts& other) const noexcept {
  if (is_block_device() && other.is_block_device()) return raw.st_rdev == other.raw.st_rdev;
  if (!is_regular() && !is_fifo()) return false;
  return raw.st_dev == other.raw.st_dev && raw.st_ino == other.raw.st_ino;
}

Result<FileFacts> look_at(const std::string& path) {
  FileFacts facts;
  if (stat(path.c_str(), &facts.raw) != 0) return std::unexpected(failed_call("stat", path));
  return facts;
}

Result<FileFacts> look_at(FdRef fd, std::string subject) {
  FileFacts facts;
  if (fstat(fd.number(), &facts.raw) != 0) {
    return std::unexpected(failed_call("fstat", std::move(subject)));
  }
  return facts;
}

Result<void> require_access(FdRef fd, Access access) {
  const int flags = fcntl(fd.number(), F_GETFL);
  if (flags < 0) return std::unexpected(failed_call("fcntl"));
  const int mode = flags & O_ACCMODE;
  const int wanted = access == Access::read ? O_RDONLY : O_WRONLY;
  if (mode == wanted || mode == O_RDWR) return {};
  return std::unexpected(error_with(EBADF, access == Access::read ? "read" : "write"));
}

Result<void> give_attributes(FdRef fd, const FileFacts& facts, const std::string& subject) {
  if (fchmod(fd.number(), facts.raw.st_mode & permission_bits) != 0) {
    return std::unexpected(failed_call("fchmod", subject, "copy without --preserve"));
  }
  const std::array<timespec, 2> times{facts.raw.st_atim, facts.raw.st_mtim};
  if (futimens(fd.number(), times.data()) != 0) {
    return std::unexpected(failed_call("futimens", subject, "copy without --preserve"));
  }
  return {};
}

Result<void> sync_file(FdRef fd, const std::string& subject) {
  if (fsync(fd.number()) != 0) return std::unexpected(failed_call("fsync", subject));
  return {};
}

Result<void> sync_folder_of(const std::string& path) {
  // Of the file itself: `path` may be a symbolic link in another folder.
  const std::unique_ptr<char, void (*)(void*)> file(realpath(path.c_str(), nullptr), std::free);
  if (!file) return std::unexpected(failed_call("realpath", path));
  const std::string whole(file.get());
  const std::string folder = whole.substr(0, std::max<std::size_t>(whole.rfind('/'), 1));
  const OwnedFd listed(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listed.valid()) return std::unexpected(failed_call("open", folder));
  return sync_file(listed, folder);
}

Attempt<OwnedFd> open_fifo_for_writing(const std::string& path, const Patience& patience) {
  // inotify would not show a reader that waits inside open(2): there is no event before it
  // succeeds.
  auto opened = call_patiently(
      [path]() -> Result<OwnedFd> {
        OwnedFd fifo(open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (!fifo.valid()) return std::unexpected(failed_call("open", path));
        const int flags = fcntl(fifo.number(), F_GETFL);
        if (flags < 0 || fcntl(fifo.number(), F_SETFL, flags | O_NONBLOCK) != 0) {
          return std::unexpected(failed_call("fcntl", path));
        }
        return fifo;
      },
      patience);
  if (!opened) return std::unexpected(opened.error());
  if (!*opened) return std::unexpected(Setback((*opened).error()));
  return std::move(**opened);
}

}  // namespace leat::app::os
