// Files that nobody can change: memfd_create(2) seals, fs-verity.
#pragma once

#include <leat/fd.h>

namespace leat::os {

/// True if no byte of the file can be changed or cut off any more: a memfd with F_SEAL_WRITE and
/// F_SEAL_SHRINK, or a file with fs-verity. False also where it cannot be asked. See fcntl(2)
/// F_GET_SEALS, statx(2) STATX_ATTR_VERITY (Linux 5.5).
bool is_immutable(FdRef file) noexcept;

}  // namespace leat::os
