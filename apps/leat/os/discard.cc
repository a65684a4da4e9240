#include "os/discard.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <vector>

#include "os/error.h"
#include "os/pipe.h"

namespace leat::app::os {
namespace {

constexpr std::size_t call_bytes = 1u << 20;

/// Repeats `call` until it returns 0 and adds up what it returns. It ends with the stream; whoever
/// measures kills a receiver that hangs.
template <class Call>
Result<std::uint64_t> add_up(const char* operation, Call call) {
  std::uint64_t total = 0;
  while (true) {
    const ssize_t count = retry_interrupted(call);
    if (count < 0) return last_error(operation);
    if (count == 0) return total;
    total += static_cast<std::uint64_t>(count);
  }
}

Result<OwnedFd> open_null() {
  const int number = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (number < 0) return last_error("open /dev/null");
  return OwnedFd(number);
}

/// All of `count` bytes that are in the pipe; less is an error.
Result<void> empty(FdRef pipe, FdRef null, std::size_t count) {
  while (count > 0) {
    const ssize_t moved = retry_interrupted(
        [&] { return ::splice(pipe.number(), nullptr, null.number(), nullptr, count, 0); });
    if (moved < 0) return last_error("splice");
    if (moved == 0) return make_error(EIO, "splice");
    count -= static_cast<std::size_t>(moved);
  }
  return {};
}

}  // namespace

Result<std::uint64_t> discard_from_tcp(FdRef socket) {
  return add_up("recv", [&] { return ::recv(socket.number(), nullptr, call_bytes, MSG_TRUNC); });
}

Result<std::uint64_t> discard_from_unix(FdRef socket) {
  const Result<Pipe> pipe = make_large_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  const Result<OwnedFd> null = open_null();
  if (!null) return std::unexpected(null.error());
  std::uint64_t total = 0;
  while (true) {  // ends with the stream
    const ssize_t count = retry_interrupted([&] {
      return ::splice(socket.number(), nullptr, pipe->in.number(), nullptr, call_bytes, 0);
    });
    if (count < 0) return last_error("splice");
    if (count == 0) return total;
    const auto taken = static_cast<std::size_t>(count);
    if (const auto emptied = empty(pipe->out, *null, taken); !emptied) {
      return std::unexpected(emptied.error());
    }
    total += taken;
  }
}

Result<std::uint64_t> discard_from_pipe(FdRef pipe) {
  const Result<OwnedFd> null = open_null();
  if (!null) return std::unexpected(null.error());
  return add_up("splice", [&] {
    return ::splice(pipe.number(), nullptr, null->number(), nullptr, call_bytes, 0);
  });
}

Result<std::uint64_t> read_to_end(FdRef stream) {
  std::vector<std::byte> buffer(call_bytes);
  return add_up("read", [&] { return ::read(stream.number(), buffer.data(), buffer.size()); });
}

}  // namespace leat::app::os
