/// System calls made once, bare, to see what the kernel says to them. Above all the refusals count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::app::os {

/// One sendfile(2), which may wait if `to` blocks and is full. `offset` is for files; without it
/// `from` is read where it stands. Returns the bytes moved. Errors: those of the call.
Result<std::uint64_t> sendfile_once(FdRef from, FdRef to, std::optional<std::uint64_t> offset,
                                    std::uint64_t limit);

/// One splice(2) with SPLICE_F_NONBLOCK, both ends where they stand. Returns the bytes moved.
/// Errors: those of the call; EINVAL where neither end is a pipe.
Result<std::uint64_t> splice_once(FdRef from, FdRef to, std::uint64_t limit);

/// Reads what is there, until `into` is full or the end is reached, without waiting for what comes
/// from the far end of a socket or pipe. Returns how much that was. Errors: those of read(2).
Result<std::size_t> read_available(FdRef from, std::span<std::byte> into);

/// Puts a file's own offset back to its start. See lseek(2).
Result<void> rewind_file(FdRef file);

/// A connected pair of UNIX stream sockets. See socketpair(2).
struct SocketPair {
  OwnedFd one;
  OwnedFd other;
};
Result<SocketPair> unix_socket_pair();

/// Waits for `bytes` bytes and throws them away without a copy to user memory. See MSG_TRUNC in
/// tcp(7). Errors: EPIPE (the stream ended before), ECONNRESET.
Result<void> discard_exactly(FdRef socket, std::uint64_t bytes);

/// A file for reading. Errors: those of open(2).
Result<OwnedFd> open_to_read(const std::string& path);

}  // namespace leat::app::os
