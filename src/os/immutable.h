// Files that nobody can change: memfd_create(2) seals, fs-verity.
#pragma once

#include <cstddef>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// True if no byte of the file can be changed or cut off any more: a memfd with F_SEAL_WRITE and
/// F_SEAL_SHRINK, or a file with fs-verity. False also where it cannot be asked. See fcntl(2)
/// F_GET_SEALS, statx(2) STATX_ATTR_VERITY (Linux 5.5).
bool is_immutable(FdRef file) noexcept;

/// A new memfd of `size` zeros that may be sealed. Errors: ENOMEM, EMFILE, ENFILE.
Result<OwnedFd> memfd_to_be_sealed(std::size_t size, const char* name);
/// Nobody can write it, cut it off, extend it or unseal it any more. Errors: EBUSY (it is mapped to
/// be written, or its pages are pinned).
Result<void> seal_for_good(FdRef file);
/// A new memfd with `bytes` in it, and all seals. Errors: ENOMEM, EMFILE, ENFILE.
Result<OwnedFd> sealed_memfd(std::span<const std::byte> bytes, const char* name);

}  // namespace leat::os
