/// Facts about paths and descriptors, and the attributes that `--preserve` carries over.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include <leat/error.h>
#include <leat/fd.h>

#include "os/wait.h"
#include "setback.h"

namespace leat::app::os {

/// What stat(2) says.
struct FileFacts {
  struct stat raw{};

  bool is_regular() const noexcept { return S_ISREG(raw.st_mode); }
  bool is_directory() const noexcept { return S_ISDIR(raw.st_mode); }
  bool is_fifo() const noexcept { return S_ISFIFO(raw.st_mode); }
  bool is_socket() const noexcept { return S_ISSOCK(raw.st_mode); }
  bool is_block_device() const noexcept { return S_ISBLK(raw.st_mode); }
  std::uint64_t size() const noexcept { return static_cast<std::uint64_t>(raw.st_size); }
  /// True if both name the same bytes, or the same pipe. Character devices are streams of their
  /// own.
  bool same_storage(const FileFacts& other) const noexcept;
};

/// Follows symbolic links. Errors: those of stat(2).
Result<FileFacts> look_at(const std::string& path);
Result<FileFacts> look_at(FdRef fd, std::string subject);

enum class Access : std::uint8_t { read, write };

/// EBADF unless `fd` is open for this; a descriptor that leads to the same file another way does
/// not count. See F_GETFL in fcntl(2).
Result<void> require_access(FdRef fd, Access access);

/// Gives `fd` the permission bits and times of `facts`. Set-id bits are left out: the owner may be
/// another. See fchmod(2), futimens(3).
Result<void> give_attributes(FdRef fd, const FileFacts& facts, const std::string& subject);

/// fsync(2).
Result<void> sync_file(FdRef fd, const std::string& subject);
/// Makes the name of the file that `path` leads to durable: fsync(2) of the folder it is in.
Result<void> sync_folder_of(const std::string& path);

/// Opens a FIFO for writing and waits for its reader, as a shell's `>` does.
Attempt<OwnedFd> open_fifo_for_writing(const std::string& path, const Patience& patience);

}  // namespace leat::app::os
