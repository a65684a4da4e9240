#include "os/passing.h"

#include <sys/socket.h>

#include <array>
#include <cstring>

#include "os/error.h"

namespace leat::os {
namespace {

constexpr std::size_t most_passed = 4;  // what a peer may send though one was agreed on

using Control = std::array<std::byte, CMSG_SPACE(most_passed * sizeof(int))>;

// The first is returned, the others are closed.
OwnedFd take_descriptor(msghdr& message) {
  OwnedFd first;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header) + i * sizeof number, sizeof number);
      OwnedFd passed(number);
      if (!first.valid()) first = std::move(passed);
    }
  }
  return first;
}

}  // namespace

Result<void> send_with_descriptor(FdRef socket, std::span<const std::byte> text, FdRef passed) {
  iovec piece{const_cast<std::byte*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = passed.number();
  std::memcpy(CMSG_DATA(header), &number, sizeof number);
  const ssize_t sent = retry_interrupted(
      [&] { return ::sendmsg(socket.number(), &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (sent < 0) return last_error("sendmsg");
  if (static_cast<std::size_t>(sent) != text.size()) return make_error(EMSGSIZE, "sendmsg");
  return {};
}

Result<Passed> receive_with_descriptor(FdRef socket, std::span<std::byte> into) {
  iovec piece{into.data(), into.size()};
  alignas(cmsghdr) Control control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = retry_interrupted(
      [&] { return ::recvmsg(socket.number(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC); });
  if (got < 0) return last_error("recvmsg");
  return Passed{static_cast<std::size_t>(got), take_descriptor(message)};
}

}  // namespace leat::os
