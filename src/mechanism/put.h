// Writing from memory to a sink of any kind but memory: what several mechanisms end in.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "mechanism/mechanism.h"

namespace leat {

/// One send(2), pwrite(2) or write(2) of `from`, whichever serves the sink; MORE only on sockets.
/// Holds the SIGPIPE guard where the call has no MSG_NOSIGNAL.
Result<std::uint64_t> put(const Passage& passage, std::span<const std::byte> from,
                          bool more_follows);

/// The same for several pieces, by sendmsg(2), pwritev(2) or writev(2); at most IOV_MAX of them.
Result<std::uint64_t> put_pieces(const Passage& passage, std::span<const iovec> from,
                                 bool more_follows);

/// What one call is given of several pieces.
struct Batch {
  std::span<const iovec> pieces;
  std::size_t bytes = 0;
};
/// As many whole pieces as `limit` and IOV_MAX have room for; if there is none for the first, its
/// beginning, which is kept in `cut`.
Batch batch_of(std::span<const iovec> memory, std::uint64_t limit, iovec& cut);

/// How much of `count` may be written without waiting; 0 if none.
std::size_t room_for(const Passage& passage, std::size_t count);

/// True if a call on `fd` would wait: only poll(2) can tell.
bool would_wait(Waiting waiting, FdRef fd, short events);

}  // namespace leat
