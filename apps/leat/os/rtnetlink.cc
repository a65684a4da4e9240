#include "os/rtnetlink.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "os/error.h"

namespace leat::app::os {
namespace {

constexpr Ipv4 netmask = 0xffffff00;

/// A request to the kernel: headers, and attributes that may hold others. See netlink(7).
class Request {
 public:
  Request(std::uint16_t type, std::uint16_t flags) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    append(bytes_of(header));
  }

  template <class T>
  static std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
  }

  void append(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }

  /// Begins an attribute that holds others: those made until close().
  std::size_t open(std::uint16_t type) {
    const std::size_t at = bytes_.size();
    rtattr header{};
    header.rta_type = type;
    append(bytes_of(header));
    return at;
  }
  void close(std::size_t at) {
    const auto length = static_cast<unsigned short>(bytes_.size() - at);
    std::memcpy(bytes_.data() + at + offsetof(rtattr, rta_len), &length, sizeof length);
  }

  void attribute(std::uint16_t type, std::span<const std::byte> value) {
    rtattr header{};
    header.rta_type = type;
    header.rta_len = static_cast<unsigned short>(sizeof header + value.size());
    append(bytes_of(header));
    append(value);
  }
  void attribute(std::uint16_t type, std::string_view text) {
    attribute(type, std::as_bytes(std::span(text)));
  }

  std::span<const std::byte> finished() {
    const auto length = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
    return bytes_;
  }

 private:
  std::vector<std::byte> bytes_;
};

/// Sends a request and reads the kernel's answer to it.
Result<void> ask(Request& request, std::string_view operation) {
  const OwnedFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.valid()) return last_error("socket AF_NETLINK");
  const auto bytes = request.finished();
  if (retry_interrupted([&] { return ::send(socket.number(), bytes.data(), bytes.size(), 0); }) <
      0) {
    return last_error(operation);
  }
  struct {
    nlmsghdr header;
    nlmsgerr verdict;
    std::byte more[512];  // the request again, and the kernel's words on it
  } answer{};
  const ssize_t count =
      retry_interrupted([&] { return ::recv(socket.number(), &answer, sizeof answer, 0); });
  if (count < 0) return last_error(operation);
  if (answer.header.nlmsg_type != NLMSG_ERROR) return make_error(EPROTO, operation);
  if (answer.verdict.error != 0) return make_error(-answer.verdict.error, operation);
  return {};
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  return request;
}

Result<void> set_ipv4(FdRef socket, const std::string& name, unsigned long call, Ipv4 value) {
  ifreq request = request_for(name);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(value);
  std::memcpy(&request.ifr_addr, &address, sizeof address);
  if (::ioctl(socket.number(), call, &request) < 0) return last_error("ioctl SIOCSIFADDR");
  return {};
}

}  // namespace

Result<void> make_veth(const std::string& name, FdRef other) {
  Request request(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  const ifinfomsg device{};
  const std::string terminated = name + '\0';
  request.append(Request::bytes_of(device));
  request.attribute(IFLA_IFNAME, terminated);
  const std::size_t link = request.open(IFLA_LINKINFO);
  request.attribute(IFLA_INFO_KIND, "veth");
  const std::size_t data = request.open(IFLA_INFO_DATA);
  const std::size_t peer = request.open(VETH_INFO_PEER);
  request.append(Request::bytes_of(device));
  request.attribute(IFLA_IFNAME, terminated);
  const int place = other.number();
  request.attribute(IFLA_NET_NS_FD, Request::bytes_of(place));
  request.close(peer);
  request.close(data);
  request.close(link);
  return ask(request, "making a veth pair");
}

Result<void> bring_up(const std::string& name, Ipv4 address) {
  const OwnedFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return last_error("socket");
  if (const auto set = set_ipv4(socket, name, SIOCSIFADDR, address); !set) return set;
  if (const auto set = set_ipv4(socket, name, SIOCSIFNETMASK, netmask); !set) return set;
  ifreq request = request_for(name);
  if (::ioctl(socket.number(), SIOCGIFFLAGS, &request) < 0) return last_error("ioctl SIOCGIFFLAGS");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(socket.number(), SIOCSIFFLAGS, &request) < 0) return last_error("ioctl SIOCSIFFLAGS");
  return {};
}

}  // namespace leat::app::os
