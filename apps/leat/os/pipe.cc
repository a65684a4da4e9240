#include "os/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include "os/error.h"

namespace leat::app::os {

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return last_error("pipe2");
  return Pipe{OwnedFd(ends[0]), OwnedFd(ends[1])};
}

Result<Pipe> make_large_pipe() {
  Result<Pipe> pipe = make_pipe();
  if (!pipe) return pipe;
  for (int bytes = 1 << 20; bytes > 1 << 16; bytes /= 2) {
    if (::fcntl(pipe->in.number(), F_SETPIPE_SZ, bytes) >= 0) break;
  }
  return pipe;
}

}  // namespace leat::app::os
