// Files past the page cache: O_DIRECT, and what it has to be aligned to.
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

#include "os/descriptor.h"

namespace leat::os {

/// What a file asks of reads and writes with O_DIRECT, and which file it is.
struct DirectFacts {
  /// What addresses, offsets and lengths are multiples of; a power of two. 0: this file has no
  /// direct I/O, or only pretends to (tmpfs opens with O_DIRECT and copies all the same).
  std::uint32_t unit = 0;
  bool told = false;  ///< by the kernel (STATX_DIOALIGN); else it is a guess that the first
                      ///< read or write has to confirm
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};
/// See statx(2), STATX_DIOALIGN (Linux 6.1; ext4, xfs, f2fs, block devices).
Result<DirectFacts> direct_facts(FdRef file);

/// A new open file description of the same file, with O_DIRECT, through /proc/self/fd: a borrowed
/// one stays as it is. Errors: EINVAL (the file system has no direct I/O), EACCES, ENOENT (no
/// /proc), EBADF (not open for this direction).
Result<OwnedFd> reopen_direct(FdRef fd, Access access);

}  // namespace leat::os
