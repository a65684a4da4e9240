#include "os/copy_file_range.h"

#include <unistd.h>

#include "os/error.h"

namespace leat::os {

Result<std::uint64_t> copy_file_range(FdRef source, std::uint64_t* source_offset, FdRef sink,
                                      std::uint64_t* sink_offset, std::uint64_t limit) {
  off64_t from = source_offset ? static_cast<off64_t>(*source_offset) : 0;
  off64_t to = sink_offset ? static_cast<off64_t>(*sink_offset) : 0;
  const ssize_t count = retry_interrupted([&] {
    return ::copy_file_range(source.number(), source_offset ? &from : nullptr, sink.number(),
                             sink_offset ? &to : nullptr, limit, 0);
  });
  if (count < 0) [[unlikely]]
    return last_error("copy_file_range");
  if (source_offset) *source_offset = static_cast<std::uint64_t>(from);
  if (sink_offset) *sink_offset = static_cast<std::uint64_t>(to);
  return static_cast<std::uint64_t>(count);
}

}  // namespace leat::os
