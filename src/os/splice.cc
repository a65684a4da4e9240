#include "os/splice.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "os/error.h"

namespace leat::os {

Result<std::uint64_t> splice(FdRef source, std::uint64_t* source_offset, FdRef sink,
                             std::uint64_t* sink_offset, std::uint64_t limit, bool more_follows) {
  off64_t from = source_offset ? static_cast<off64_t>(*source_offset) : 0;
  off64_t to = sink_offset ? static_cast<off64_t>(*sink_offset) : 0;
  const unsigned flags =
      SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more_follows ? unsigned{SPLICE_F_MORE} : 0u);
  const ssize_t count = retry_interrupted([&] {
    return ::splice(source.number(), source_offset ? &from : nullptr, sink.number(),
                    sink_offset ? &to : nullptr, std::min(limit, splice_limit), flags);
  });
  if (count < 0) [[unlikely]]
    return last_error("splice");
  if (source_offset) *source_offset = static_cast<std::uint64_t>(from);
  if (sink_offset) *sink_offset = static_cast<std::uint64_t>(to);
  return static_cast<std::uint64_t>(count);
}

Result<std::uint64_t> vmsplice(FdRef pipe, std::span<const iovec> from) {
  const ssize_t count = retry_interrupted(
      [&] { return ::vmsplice(pipe.number(), from.data(), from.size(), SPLICE_F_NONBLOCK); });
  if (count < 0) [[unlikely]]
    return last_error("vmsplice");
  return static_cast<std::uint64_t>(count);
}

Result<PipeEnds> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return last_error("pipe2");
  return PipeEnds{OwnedFd(ends[0]), OwnedFd(ends[1])};
}

Result<std::uint64_t> pipe_capacity(FdRef pipe) {
  const int bytes = ::fcntl(pipe.number(), F_GETPIPE_SZ);
  if (bytes < 0) return last_error("fcntl F_GETPIPE_SZ");
  return static_cast<std::uint64_t>(bytes);
}

Result<std::uint64_t> set_pipe_capacity(FdRef pipe, std::uint64_t bytes) {
  const auto wanted = static_cast<int>(std::min<std::uint64_t>(bytes, 1u << 30));
  const int given = ::fcntl(pipe.number(), F_SETPIPE_SZ, wanted);
  if (given < 0) return last_error("fcntl F_SETPIPE_SZ");
  return static_cast<std::uint64_t>(given);
}

}  // namespace leat::os
