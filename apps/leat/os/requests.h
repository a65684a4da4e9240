/// One process asks over a stream socket, another answers: what both do beside the answer itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::app::os {

/// Each answer leaves at once, however small. See tcp(7), TCP_NODELAY.
Result<void> set_nodelay(FdRef socket);

/// Sends a request: one byte. Errors: EPIPE, ECONNRESET.
Result<void> ask(FdRef socket);
/// Fills `room`; the socket blocks. Errors: ECONNRESET; EPIPE: the stream ended before.
Result<void> receive_answer(FdRef socket, std::span<std::byte> room);
/// The same, from a pipe.
Result<void> read_answer(FdRef pipe, std::span<std::byte> room);

enum class Arrived : std::uint8_t {
  request,  ///< one, and it was read
  notice,   ///< nothing but what the error queue holds
};
/// Waits for the next request on a non-blocking socket, by poll(2) and recv(2) as an event loop
/// does. Errors: ECONNRESET; EPIPE: there will be no more.
Result<Arrived> wait_for_request(FdRef socket);

/// Keeps this process on the `index`th of the processors that it may use, counted in a circle. See
/// sched_setaffinity(2). False if that is not permitted.
bool stay_on_processor(unsigned index) noexcept;

}  // namespace leat::app::os
