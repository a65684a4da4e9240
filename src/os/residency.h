// What of a file is in memory: cachestat(2), mincore(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Bytes of this stretch whose pages are in the page cache, those that are still being read in
/// among them. See cachestat(2). Errors: EPERM (only the file's owner, or who may write it, may
/// ask), ENOSYS (before Linux 6.5), EOPNOTSUPP (hugetlbfs).
Result<std::uint64_t> cached_bytes(FdRef file, std::uint64_t offset, std::uint64_t length);

/// How many of `bytes`, which lie in a mapping of a file, can be read without waiting for a disk,
/// counted from the first one on: their pages are in memory and up to date. Pages that are still
/// being read in do not count (as they would for cachestat(2)). Touches none of them. To whom
/// `tells_residency` is false every page is said to be there. See mincore(2). Errors: EAGAIN,
/// ENOMEM (not mapped).
Result<std::uint64_t> resident_bytes(std::span<const std::byte> bytes);

/// False if the kernel hides from this process what of `file`, of `size` bytes, is in memory:
/// mincore(2) then says "all" to whoever neither owns the file nor may write it (Linux 5.2), and
/// that can be seen behind the file's end, where nothing is. Errors: as map_file.
Result<bool> tells_residency(FdRef file, std::uint64_t size);

}  // namespace leat::os
