#include "mechanism/put.h"

#include <poll.h>

#include <algorithm>
#include <climits>

#include "os/stream.h"
#include "os/wait.h"

namespace leat {
namespace {

// A blocking pipe that poll(2) calls writable has room for this much, and for no more surely.
constexpr std::size_t sure_room = 4096;

}  // namespace

bool would_wait(Waiting waiting, FdRef fd, short events) {
  return waiting == Waiting::polled && os::ready_events(fd, events) == 0;
}

Result<std::uint64_t> put(const Passage& passage, std::span<const std::byte> from,
                          bool more_follows) {
  switch (passage.sink.kind) {
    case Kind::socket:
      return os::send(
          passage.to, from,
          {.wait = passage.sink.waiting == Waiting::allowed, .more_follows = more_follows});
    case Kind::file:
      if (!passage.sink.cursor) return os::pwrite(passage.to, from, passage.to_offset);
      [[fallthrough]];
    default: passage.resources.guard_sigpipe(); return os::write(passage.to, from);
  }
}

Result<std::uint64_t> put_pieces(const Passage& passage, std::span<const iovec> from,
                                 bool more_follows) {
  switch (passage.sink.kind) {
    case Kind::socket:
      return os::sendmsg(
          passage.to, from,
          {.wait = passage.sink.waiting == Waiting::allowed, .more_follows = more_follows});
    case Kind::file:
      if (!passage.sink.cursor) return os::pwritev(passage.to, from, passage.to_offset);
      [[fallthrough]];
    default: passage.resources.guard_sigpipe(); return os::writev(passage.to, from);
  }
}

// A copy of the list, to cut its last piece, would be 16 KiB.
Batch batch_of(std::span<const iovec> memory, std::uint64_t limit, iovec& cut) {
  Batch batch;
  const std::size_t most = std::min<std::size_t>(memory.size(), IOV_MAX);
  std::size_t count = 0;
  while (count < most && memory[count].iov_len <= limit - batch.bytes)
    batch.bytes += memory[count++].iov_len;
  batch.pieces = memory.first(count);
  if (count > 0) return batch;
  cut = {memory.front().iov_base, std::min<std::size_t>(memory.front().iov_len, limit)};
  return {{&cut, 1}, cut.iov_len};
}

std::size_t room_for(const Passage& passage, std::size_t count) {
  if (passage.sink.waiting != Waiting::polled) return count;
  if (would_wait(Waiting::polled, passage.to, POLLOUT)) return 0;
  return std::min(count, sure_room);
}

}  // namespace leat
