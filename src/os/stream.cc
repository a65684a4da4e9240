#include "os/stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "os/error.h"

namespace leat::os {
namespace {

template <class Call>
Result<std::uint64_t> moved(std::string_view operation, Call call) {
  const ssize_t count = retry_interrupted(call);
  if (count < 0) [[unlikely]]
    return last_error(operation);
  return static_cast<std::uint64_t>(count);
}

int message_flags(SendFlags flags) {
  return MSG_NOSIGNAL | (flags.wait ? 0 : MSG_DONTWAIT) | (flags.more_follows ? MSG_MORE : 0);
}

}  // namespace

Result<std::uint64_t> read(FdRef fd, std::span<std::byte> into) {
  return moved("read", [&] { return ::read(fd.number(), into.data(), into.size()); });
}

Result<std::uint64_t> pread(FdRef fd, std::span<std::byte> into, std::uint64_t offset) {
  return moved("pread", [&] {
    return ::pread(fd.number(), into.data(), into.size(), static_cast<off_t>(offset));
  });
}

Result<std::uint64_t> pread_resident(FdRef fd, std::span<std::byte> into, std::uint64_t offset) {
  const iovec piece{into.data(), into.size()};
  return moved("preadv2", [&] {
    return ::preadv2(fd.number(), &piece, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  });
}

Result<std::uint64_t> recv(FdRef socket, std::span<std::byte> into, bool wait) {
  const int flags = wait ? 0 : MSG_DONTWAIT;
  return moved("recv", [&] { return ::recv(socket.number(), into.data(), into.size(), flags); });
}

Result<std::uint64_t> write(FdRef fd, std::span<const std::byte> from) {
  return moved("write", [&] { return ::write(fd.number(), from.data(), from.size()); });
}

Result<std::uint64_t> pwrite(FdRef fd, std::span<const std::byte> from, std::uint64_t offset) {
  return moved("pwrite", [&] {
    return ::pwrite(fd.number(), from.data(), from.size(), static_cast<off_t>(offset));
  });
}

Result<std::uint64_t> writev(FdRef fd, std::span<const iovec> from) {
  return moved("writev",
               [&] { return ::writev(fd.number(), from.data(), static_cast<int>(from.size())); });
}

Result<std::uint64_t> pwritev(FdRef fd, std::span<const iovec> from, std::uint64_t offset) {
  return moved("pwritev", [&] {
    return ::pwritev(fd.number(), from.data(), static_cast<int>(from.size()),
                     static_cast<off_t>(offset));
  });
}

Result<std::uint64_t> send(FdRef socket, std::span<const std::byte> from, SendFlags flags) {
  return moved("send", [&] {
    return ::send(socket.number(), from.data(), from.size(), message_flags(flags));
  });
}

std::int64_t send_at_once(FdRef socket, std::span<const std::byte> from) noexcept {
  for (;;) {
    const ssize_t sent =
        ::send(socket.number(), from.data(), from.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) [[likely]]
      return sent;
    if (errno != EINTR) return -errno;
  }
}

Result<std::uint64_t> sendmsg(FdRef socket, std::span<const iovec> from, SendFlags flags) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(from.data());  // the kernel only reads it
  message.msg_iovlen = from.size();
  return moved("sendmsg",
               [&] { return ::sendmsg(socket.number(), &message, message_flags(flags)); });
}

}  // namespace leat::os
