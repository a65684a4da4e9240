// copy_file_range(2).
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Copies up to `limit` bytes between two regular files inside the kernel and advances both
/// offsets; a null offset means the descriptor's own. The file system may share blocks instead of
/// copying.
///
/// Returns the bytes copied; 0 means the source is at its end — or that its file system does not
/// tell the truth about its size (/proc). EINTR is retried.
/// Errors: EXDEV, EINVAL, EOPNOTSUPP, EBADF (sink O_APPEND), ENOSPC, EIO, EFBIG, ETXTBSY, …
Result<std::uint64_t> copy_file_range(FdRef source, std::uint64_t* source_offset, FdRef sink,
                                      std::uint64_t* sink_offset, std::uint64_t limit);

}  // namespace leat::os
