#include "os/error_queue.h"

#include <linux/errqueue.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

#include "os/error.h"

namespace leat::os {
namespace {

bool is_received_error(const cmsghdr& header) {
  return (header.cmsg_level == SOL_IP && header.cmsg_type == IP_RECVERR) ||
         (header.cmsg_level == SOL_IPV6 && header.cmsg_type == IPV6_RECVERR);
}

}  // namespace

std::optional<ReleasedSends> decode_release(const msghdr& message) noexcept {
  if ((message.msg_flags & MSG_CTRUNC) != 0) return std::nullopt;
  msghdr walked = message;  // CMSG_NXTHDR asks for one it may change
  for (cmsghdr* header = CMSG_FIRSTHDR(&walked); header; header = CMSG_NXTHDR(&walked, header)) {
    if (!is_received_error(*header) || header->cmsg_len < CMSG_LEN(sizeof(sock_extended_err)))
      continue;
    sock_extended_err error;
    std::memcpy(&error, CMSG_DATA(header), sizeof error);
    if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY || error.ee_errno != 0) continue;
    return ReleasedSends{.first = error.ee_info,
                         .last = error.ee_data,
                         .copied = (error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED) != 0};
  }
  return std::nullopt;
}

Result<std::optional<ReleasedSends>> next_release(FdRef socket) {
  for (;;) {
    alignas(cmsghdr) std::array<std::byte, 256> control;
    msghdr message{};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t received = retry_interrupted(
        [&] { return ::recvmsg(socket.number(), &message, MSG_ERRQUEUE | MSG_DONTWAIT); });
    if (received < 0) {
      if (errno == EAGAIN) return std::nullopt;
      return last_error("recvmsg");
    }
    if (const auto released = decode_release(message)) return released;
  }
}

Result<bool> is_zero_copy(FdRef socket) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(socket.number(), SOL_SOCKET, SO_ZEROCOPY, &value, &size) < 0)
    return last_error("getsockopt");
  return value != 0;
}

Result<void> enable_zero_copy(FdRef socket) {
  const int on = 1;
  if (::setsockopt(socket.number(), SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) < 0)
    return last_error("setsockopt");
  return {};
}

std::string_view zero_copy_verdict() noexcept {
  const int number = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (number < 0) return "no TCP socket can be made";
  const OwnedFd socket(number);
  if (enable_zero_copy(socket)) return {};
  return errno == ENOPROTOOPT ? "this kernel has no SO_ZEROCOPY (Linux 4.14)"
                              : "setsockopt(2) SO_ZEROCOPY is denied";
}

Result<std::uint64_t> send_zero_copy(FdRef socket, std::span<const iovec> from, SendFlags flags) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(from.data());
  message.msg_iovlen = from.size();
  const int bits = MSG_ZEROCOPY | MSG_NOSIGNAL | (flags.wait ? 0 : MSG_DONTWAIT) |
                   (flags.more_follows ? MSG_MORE : 0);
  const ssize_t sent =
      retry_interrupted([&] { return ::sendmsg(socket.number(), &message, bits); });
  if (sent < 0) return last_error("sendmsg");
  return static_cast<std::uint64_t>(sent);
}

}  // namespace leat::os
