/// The system calls that a good program written without leat makes for a small answer: the
/// measure of leat's own. The socket, or pipe, is non-blocking and SIGPIPE is ignored. Each moves
/// all bytes, waits by poll(2) where the other end is full, and returns how many calls it made,
/// those that waited included. Errors: EPIPE, ECONNRESET.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::app::os {

Result<std::uint32_t> send_by_hand(FdRef socket, std::span<const std::byte> bytes);
Result<std::uint32_t> write_by_hand(FdRef socket, std::span<const std::byte> bytes);
/// With one piece.
Result<std::uint32_t> sendmsg_by_hand(FdRef socket, std::span<const std::byte> bytes);

/// The file's first `size` bytes. EIO: it is shorter.
Result<std::uint32_t> sendfile_by_hand(FdRef socket, FdRef file, std::uint64_t size);
/// The same, into a pipe.
Result<std::uint32_t> splice_by_hand(FdRef pipe, FdRef file, std::uint64_t size);
/// The file's first bytes, as many as `buffer` holds, through it. EIO: it is shorter.
Result<std::uint32_t> read_send_by_hand(FdRef socket, FdRef file, std::span<std::byte> buffer);
/// The same, into a pipe.
Result<std::uint32_t> read_write_by_hand(FdRef pipe, FdRef file, std::span<std::byte> buffer);

}  // namespace leat::app::os
