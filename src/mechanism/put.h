// Writing from memory to a sink of any kind but memory: what several mechanisms end in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mechanism/mechanism.h"

namespace leat {

/// One send(2), pwrite(2) or write(2) of `from`, whichever serves the sink; MORE only on sockets.
/// Holds the SIGPIPE guard where the call has no MSG_NOSIGNAL.
Result<std::uint64_t> put(const Passage& passage, std::span<const std::byte> from,
                          bool more_follows);

/// How much of `count` may be written without waiting; 0 if none.
std::size_t room_for(const Passage& passage, std::size_t count);

/// True if a call on `fd` would wait: only poll(2) can tell.
bool would_wait(Waiting waiting, FdRef fd, short events);

}  // namespace leat
