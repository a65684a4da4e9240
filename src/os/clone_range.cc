#include "os/clone_range.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include "os/error.h"

namespace leat::os {

Result<void> clone_range(FdRef source, std::uint64_t source_offset, std::uint64_t length,
                         FdRef sink, std::uint64_t sink_offset) {
  // To the kernel a length of 0 is "to the end of the source".
  if (length == 0) return {};
  file_clone_range range{.src_fd = source.number(),
                         .src_offset = source_offset,
                         .src_length = length,
                         .dest_offset = sink_offset};
  if (retry_interrupted([&] { return ::ioctl(sink.number(), FICLONERANGE, &range); }) < 0)
    return last_error("ioctl FICLONERANGE");
  return {};
}

Result<void> clone_file(FdRef source, FdRef sink) {
  if (retry_interrupted([&] { return ::ioctl(sink.number(), FICLONE, source.number()); }) < 0)
    return last_error("ioctl FICLONE");
  return {};
}

}  // namespace leat::os
