#include "os/tee.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "os/error.h"
#include "os/splice.h"

namespace leat::os {

Result<std::uint64_t> tee(FdRef from, FdRef to, std::uint64_t limit) {
  const ssize_t count = retry_interrupted([&] {
    return ::tee(from.number(), to.number(), std::min(limit, splice_limit), SPLICE_F_NONBLOCK);
  });
  if (count < 0) [[unlikely]]
    return last_error("tee");
  return static_cast<std::uint64_t>(count);
}

Result<std::uint64_t> bytes_in_pipe(FdRef pipe) {
  int bytes = 0;
  if (::ioctl(pipe.number(), FIONREAD, &bytes) < 0) return last_error("ioctl FIONREAD");
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace leat::os
