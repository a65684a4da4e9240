// Files by name, their holes, their durability, and giving a finished file its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// open(2) for reading, O_NONBLOCK (for FIFOs and devices; files ignore it) and O_CLOEXEC.
Result<OwnedFd> open_for_reading(const std::string& path);

/// The same, if that asks neither a disk nor a server, as far as can be told: every name on the way
/// is in memory, and the file is on a file system of this host. Errors: EAGAIN: it may wait.
Result<OwnedFd> open_without_waiting(const std::string& path);

struct OpenForWriting {
  bool create = false;
  bool truncate = false;
};
/// open(2) for writing with mode 0666 less the umask; O_NONBLOCK and O_CLOEXEC.
Result<OwnedFd> open_for_writing(const std::string& path, OpenForWriting how);

/// The first byte of data at or after `offset`; ENXIO if there is only a hole up to the end. See
/// lseek(2) SEEK_DATA. The descriptor's own offset moves: for owned or ranged files only.
Result<std::uint64_t> next_data(FdRef file, std::uint64_t offset);
/// The first byte of a hole at or after `offset`; the end of the file counts as one.
Result<std::uint64_t> next_hole(FdRef file, std::uint64_t offset);

/// See lseek(2). The descriptor's own offset.
Result<std::uint64_t> cursor(FdRef file);
Result<void> move_cursor(FdRef file, std::uint64_t offset);

/// See ftruncate(2). Errors: ENOSPC is not among them: holes need no space.
Result<void> set_size(FdRef file, std::uint64_t size);
/// Allocates blocks for a stretch that may lie beyond the end of the file; the size stays as it is.
/// Not repeated when interrupted: a call that is broken off begins anew, and a steady signal would
/// keep it from ever ending. Errors: ENOSPC, EDQUOT (part of it may be allocated all the same);
/// EOPNOTSUPP and others: this file system cannot. See fallocate(2), FALLOC_FL_KEEP_SIZE.
Result<void> reserve(FdRef file, std::uint64_t offset, std::uint64_t length);
/// See fdatasync(2). Errors: EIO, ENOSPC: bytes that were accepted are lost.
Result<void> sync_data(FdRef file);
/// See fsync(2).
Result<void> sync_all(FdRef file);

/// The target of the symbolic link `path`; EINVAL if it is none. See readlink(2).
Result<std::string> read_link(const std::string& path);
/// What `path` names, without opening it: only to be asked what it is. See open(2) O_PATH.
Result<OwnedFd> open_path(const std::string& path);
/// A folder as a place for the calls below; needs no permission to list it. See open(2) O_PATH.
Result<OwnedFd> open_folder(const std::string& path);
/// The folder that `file` is in, or was when it was deleted. Errors: ENOENT (no /proc; it is in no
/// folder).
Result<OwnedFd> folder_of(FdRef file);
/// A file without a name in `folder`, for writing, or for reading too. Errors: EOPNOTSUPP, EISDIR
/// (the file system has none).
Result<OwnedFd> create_nameless(FdRef folder, unsigned mode, bool readable = false);
/// A new file `name` in `folder`; EEXIST if it is taken.
Result<OwnedFd> create_new(FdRef folder, const std::string& name, unsigned mode);
/// Gives a nameless file a name. See linkat(2), AT_SYMLINK_FOLLOW on /proc/self/fd.
Result<void> link_nameless(FdRef file, FdRef folder, const std::string& name);
/// True if link_nameless can work here: /proc is mounted.
bool can_link_nameless(FdRef file) noexcept;
/// Replaces `to` at once. See rename(2).
Result<void> rename(FdRef folder, const std::string& from, const std::string& to);
/// Makes the names in `folder` durable. See fsync(2).
Result<void> sync_folder(FdRef folder);
Result<void> unlink(FdRef folder, const std::string& name);

/// See getpid(2).
int process_id() noexcept;

Result<void> set_mode(FdRef file, unsigned mode);
Result<void> set_owner(FdRef file, unsigned owner, unsigned group);

}  // namespace leat::os
