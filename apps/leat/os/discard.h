/// Streams read to their end for nothing, for measuring: as cheaply as the kernel lets a receiver
/// do it, and as a program does that needs the bytes. Each returns how much came.
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::app::os {

/// Drops what comes inside the kernel, at most 1 MiB a call. UNIX sockets would copy it: they do
/// not know the flag. See tcp(7), MSG_TRUNC. Errors: ECONNRESET.
Result<std::uint64_t> discard_from_tcp(FdRef socket);

/// Moves the pages on to a pipe of its own and from there to /dev/null, at most 1 MiB a call: a
/// socket cannot be spliced to a device. The kernel still copies what lies in the first page of a
/// message, since that is not shared. See splice(2). Errors: EMFILE, ECONNRESET.
Result<std::uint64_t> discard_from_unix(FdRef socket);

/// Moves the pages on to /dev/null, at most 1 MiB a call. See splice(2).
Result<std::uint64_t> discard_from_pipe(FdRef pipe);

/// Reads into one buffer of 1 MiB. Errors: ECONNRESET.
Result<std::uint64_t> read_to_end(FdRef stream);

}  // namespace leat::app::os
