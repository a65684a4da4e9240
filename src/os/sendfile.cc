#include "os/sendfile.h"

#include <sys/sendfile.h>

#include <algorithm>

#include "os/error.h"

namespace leat::os {
namespace {

// What one call moves at most. The kernel calls a length beyond SSIZE_MAX invalid instead.
constexpr std::uint64_t sendfile_limit = 0x7ffff000;

}  // namespace

Result<std::uint64_t> sendfile(FdRef sink, FdRef file, std::uint64_t* offset, std::uint64_t limit) {
  off_t position = offset ? static_cast<off_t>(*offset) : 0;
  off_t* where = offset ? &position : nullptr;
  const ssize_t count = retry_interrupted([&] {
    return ::sendfile(sink.number(), file.number(), where, std::min(limit, sendfile_limit));
  });
  if (count < 0) [[unlikely]]
    return last_error("sendfile");
  if (offset) *offset = static_cast<std::uint64_t>(position);
  return static_cast<std::uint64_t>(count);
}

}  // namespace leat::os
