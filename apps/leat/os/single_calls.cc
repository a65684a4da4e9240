#include "os/single_calls.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "os/error.h"

namespace leat::app::os {

Result<std::uint64_t> sendfile_once(FdRef from, FdRef to, std::optional<std::uint64_t> offset,
                                    std::uint64_t limit) {
  off_t position = static_cast<off_t>(offset.value_or(0));
  const ssize_t count = retry_interrupted(
      [&] { return ::sendfile(to.number(), from.number(), offset ? &position : nullptr, limit); });
  if (count < 0) return last_error("sendfile");
  return static_cast<std::uint64_t>(count);
}

Result<std::uint64_t> splice_once(FdRef from, FdRef to, std::uint64_t limit) {
  const ssize_t count = retry_interrupted([&] {
    return ::splice(from.number(), nullptr, to.number(), nullptr, limit, SPLICE_F_NONBLOCK);
  });
  if (count < 0) return last_error("splice");
  return static_cast<std::uint64_t>(count);
}

Result<std::size_t> read_available(FdRef from, std::span<std::byte> into) {
  std::size_t total = 0;
  while (total < into.size()) {
    pollfd readable{.fd = from.number(), .events = POLLIN, .revents = 0};
    if (retry_interrupted([&] { return ::poll(&readable, 1, 0); }) <= 0) break;
    const auto rest = into.subspan(total);
    const ssize_t count =
        retry_interrupted([&] { return ::read(from.number(), rest.data(), rest.size()); });
    if (count < 0) return last_error("read");
    if (count == 0) break;
    total += static_cast<std::size_t>(count);
  }
  return total;
}

Result<void> rewind_file(FdRef file) {
  if (::lseek(file.number(), 0, SEEK_SET) < 0) return last_error("lseek");
  return {};
}

Result<SocketPair> unix_socket_pair() {
  int numbers[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers) < 0) {
    return last_error("socketpair");
  }
  return SocketPair{OwnedFd(numbers[0]), OwnedFd(numbers[1])};
}

Result<void> discard_exactly(FdRef socket, std::uint64_t bytes) {
  constexpr std::uint64_t call_bytes = 1u << 20;
  while (bytes > 0) {
    const ssize_t count = retry_interrupted(
        [&] { return ::recv(socket.number(), nullptr, std::min(bytes, call_bytes), MSG_TRUNC); });
    if (count < 0) return last_error("recv");
    if (count == 0) return make_error(EPIPE, "recv");
    bytes -= static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<OwnedFd> open_to_read(const std::string& path) {
  const int number =
      retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); });
  if (number >= 0) return OwnedFd(number);
  Error error = last_error("open").error();
  error.subject = path;
  return std::unexpected(std::move(error));
}

}  // namespace leat::app::os
