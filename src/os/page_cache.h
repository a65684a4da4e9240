// What of a file is in the page cache.
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Bytes of this stretch whose pages are in the page cache, those that are still being read in
/// among them. See cachestat(2). Errors: EPERM (only the file's owner, or who may write it, may
/// ask), ENOSYS (before Linux 6.5), EOPNOTSUPP (hugetlbfs).
Result<std::uint64_t> cached_bytes(FdRef file, std::uint64_t offset, std::uint64_t length);

}  // namespace leat::os
