#include "os/by_hand.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "os/error.h"

namespace leat::app::os {
namespace {

/// Calls `move(done)` until it has moved `size` bytes; it returns what a system call returns.
template <class Move>
Result<std::uint32_t> move_all(FdRef socket, std::uint64_t size, std::string_view name, Move move) {
  std::uint32_t calls = 0;
  for (std::uint64_t done = 0; done < size;) {
    ++calls;
    const ssize_t count = move(done);
    if (count > 0) {
      done += static_cast<std::uint64_t>(count);
      continue;
    }
    if (count == 0) return make_error(EIO, name);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return last_error(name);
    ++calls;
    pollfd writable{.fd = socket.number(), .events = POLLOUT, .revents = 0};
    if (::poll(&writable, 1, -1) < 0 && errno != EINTR) return last_error("poll");
  }
  return calls;
}

Result<std::uint32_t> read_by_hand(FdRef file, std::span<std::byte> buffer) {
  return move_all(file, buffer.size(), "pread", [&](std::uint64_t done) {
    return ::pread(file.number(), buffer.data() + done, buffer.size() - done,
                   static_cast<off_t>(done));
  });
}

/// The calls of a reading that was made, and of a writing that follows it.
template <class Write>
Result<std::uint32_t> both(const Result<std::uint32_t>& read, Write write, FdRef to,
                           std::span<const std::byte> bytes) {
  if (!read) return read;
  const Result<std::uint32_t> written = write(to, bytes);
  if (!written) return written;
  return *read + *written;
}

}  // namespace

Result<std::uint32_t> send_by_hand(FdRef socket, std::span<const std::byte> bytes) {
  return move_all(socket, bytes.size(), "send", [&](std::uint64_t done) {
    return ::send(socket.number(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
  });
}

Result<std::uint32_t> write_by_hand(FdRef socket, std::span<const std::byte> bytes) {
  return move_all(socket, bytes.size(), "write", [&](std::uint64_t done) {
    return ::write(socket.number(), bytes.data() + done, bytes.size() - done);
  });
}

Result<std::uint32_t> sendmsg_by_hand(FdRef socket, std::span<const std::byte> bytes) {
  return move_all(socket, bytes.size(), "sendmsg", [&](std::uint64_t done) {
    iovec piece{const_cast<std::byte*>(bytes.data() + done), bytes.size() - done};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    return ::sendmsg(socket.number(), &message, MSG_NOSIGNAL);
  });
}

Result<std::uint32_t> sendfile_by_hand(FdRef socket, FdRef file, std::uint64_t size) {
  return move_all(socket, size, "sendfile", [&](std::uint64_t done) {
    auto offset = static_cast<off_t>(done);
    return ::sendfile(socket.number(), file.number(), &offset, size - done);
  });
}

Result<std::uint32_t> splice_by_hand(FdRef pipe, FdRef file, std::uint64_t size) {
  return move_all(pipe, size, "splice", [&](std::uint64_t done) {
    auto offset = static_cast<loff_t>(done);
    return ::splice(file.number(), &offset, pipe.number(), nullptr, size - done, SPLICE_F_NONBLOCK);
  });
}

Result<std::uint32_t> read_send_by_hand(FdRef socket, FdRef file, std::span<std::byte> buffer) {
  return both(read_by_hand(file, buffer), send_by_hand, socket, buffer);
}

Result<std::uint32_t> read_write_by_hand(FdRef pipe, FdRef file, std::span<std::byte> buffer) {
  return both(read_by_hand(file, buffer), write_by_hand, pipe, buffer);
}

}  // namespace leat::app::os
