// ioctl FICLONERANGE: extents of one file shared with another.
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Makes `length` bytes of `sink` at `sink_offset` share the extents of `source` at
/// `source_offset`: all of them or none. Neither descriptor's own offset moves. Both offsets are
/// multiples of the file system's block size, and so is `length`, unless it reaches the end of the
/// source and the sink is no longer than that. Dirty pages of the source are written out first.
/// EINTR is retried. See ioctl_ficlonerange(2).
/// Errors: EOPNOTSUPP, EXDEV, EINVAL (alignment, a source that is too short, an overlap), EBADF
/// (sink O_APPEND), ETXTBSY, EPERM, ENOSPC, EDQUOT, EIO, …
Result<void> clone_range(FdRef source, std::uint64_t source_offset, std::uint64_t length,
                         FdRef sink, std::uint64_t sink_offset);

/// Makes `sink` an image of all of `source` as it is at one moment: no write(2) and no store
/// through a mapping falls between. See ioctl_ficlone(2). Errors: as above.
Result<void> clone_file(FdRef source, FdRef sink);

}  // namespace leat::os
