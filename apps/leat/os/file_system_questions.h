/// What a file system can do, found out on files without a name, which are gone once closed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <leat/error.h>

namespace leat::app::os {

/// See STATX_DIOALIGN in statx(2) (Linux 6.1).
struct DirectAlignment {
  bool told = false;               ///< else the kernel does not say
  std::uint32_t memory_bytes = 0;  ///< 0 if direct I/O is not to be had
  std::uint32_t offset_bytes = 0;
};

/// What was not asked is empty.
struct FileSystemAnswers {
  std::optional<Error> no_file;         ///< why no file could be made there
  std::optional<Result<void>> reflink;  ///< FICLONE between two files
  std::optional<Result<bool>> holes;    ///< whether SEEK_DATA passes over a hole
  std::optional<Result<void>> nowait;   ///< RWF_NOWAIT
  std::optional<Result<DirectAlignment>> direct;
};

/// Where a file system can be asked.
struct Places {
  std::vector<std::string> folders;         ///< it is mounted at the first; others may be elsewhere
  std::optional<std::uint64_t> mount_id{};  ///< of the first
  bool may_write = true;
};

/// Asks in the first of the folders where a file can be made; without one (or if that is not
/// wanted: `may_write`) only what an existing file there tells. May wait as long as a dead disk
/// does. Errors in `no_file`: EACCES, EROFS, EOPNOTSUPP (no files without a name, see O_TMPFILE in
/// open(2)), ESTALE (what is at the first folder is another mount, on top of it).
FileSystemAnswers ask_file_system(const Places& places);

/// The folder that this process is in, or nothing. See getcwd(3).
std::optional<std::string> working_folder();

}  // namespace leat::app::os
