#include "os/route.h"

#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "os/error.h"

namespace leat::os {
namespace {

bool same_address(const sockaddr& left, const sockaddr& right) {
  if (left.sa_family != right.sa_family) return false;
  if (left.sa_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in&>(left).sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in&>(right).sin_addr.s_addr;
  }
  return left.sa_family == AF_INET6 &&
         std::memcmp(&reinterpret_cast<const sockaddr_in6&>(left).sin6_addr,
                     &reinterpret_cast<const sockaddr_in6&>(right).sin6_addr,
                     sizeof(in6_addr)) == 0;
}

// ::ffff:a.b.c.d is carried by the device that has a.b.c.d.
void unmap(sockaddr_storage& address) {
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  if (address.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  std::memcpy(&v4.sin_addr, &v6.sin6_addr.s6_addr[12], sizeof v4.sin_addr);
  std::memcpy(&address, &v4, sizeof v4);
}

using Addresses = std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)>;

Result<Addresses> addresses_here() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) < 0) return last_error("getifaddrs");
  return Addresses(list, ::freeifaddrs);
}

const ifaddrs* device_with(const Addresses& addresses, const sockaddr_storage& address) {
  for (const ifaddrs* entry = addresses.get(); entry; entry = entry->ifa_next) {
    const bool found = entry->ifa_addr &&
                       same_address(*entry->ifa_addr, reinterpret_cast<const sockaddr&>(address));
    if (found) return entry;
  }
  return nullptr;
}

const ifaddrs* loopback_of(const Addresses& addresses) {
  for (const ifaddrs* entry = addresses.get(); entry; entry = entry->ifa_next) {
    if ((entry->ifa_flags & IFF_LOOPBACK) != 0) return entry;
  }
  return nullptr;
}

using AddressCall = int (*)(int, sockaddr*, socklen_t*);

Result<sockaddr_storage> address_of(FdRef socket, AddressCall call, std::string_view operation) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (call(socket.number(), reinterpret_cast<sockaddr*>(&address), &size) < 0)
    return last_error(operation);
  unmap(address);
  return address;
}

template <class Answer>
Result<void> ask_device(FdRef socket, const std::string& device, Answer& answer) {
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&answer);
  if (::ioctl(socket.number(), SIOCETHTOOL, &request) < 0) return last_error("ioctl SIOCETHTOOL");
  return {};
}

Result<bool> has_scatter_gather(FdRef socket, const std::string& device) {
  ethtool_value answer{.cmd = ETHTOOL_GSG, .data = 0};
  if (const auto asked = ask_device(socket, device, answer); !asked)
    return std::unexpected(asked.error());
  return answer.data != 0;
}

std::string driver_of(FdRef socket, const std::string& device) {
  ethtool_drvinfo answer{};
  answer.cmd = ETHTOOL_GDRVINFO;
  if (!ask_device(socket, device, answer)) return {};
  return {answer.driver, ::strnlen(answer.driver, sizeof answer.driver)};
}

std::array<std::byte, 20> bytes_of(const sockaddr_storage& address) {
  std::array<std::byte, 20> bytes{};
  std::memcpy(bytes.data(), &address.ss_family, sizeof address.ss_family);
  constexpr std::size_t behind = 4;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    std::memcpy(&bytes[behind], &v4.sin_addr, sizeof v4.sin_addr);
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    std::memcpy(&bytes[behind], &v6.sin6_addr, sizeof v6.sin6_addr);
  }
  return bytes;
}

}  // namespace

bool LendingRoutes::promise(FdRef socket) {
  constexpr std::size_t most_known = 16;
  const auto local = address_of(socket, ::getsockname, "getsockname");
  const auto peer = address_of(socket, ::getpeername, "getpeername");
  if (!local || !peer) return false;
  // A connection to an address of this host has it on both sides, whatever device it belongs to.
  const auto bytes = bytes_of(*local);
  if (bytes == bytes_of(*peer)) return false;
  for (const Known& each : known_) {
    if (each.local == bytes) return each.takes;
  }
  const auto route = route_of(socket);
  const bool takes = route && !route->loopback && route->takes_scattered_pages == true;
  if (known_.size() == most_known) known_.erase(known_.begin());
  known_.push_back({bytes, takes});
  return takes;
}

Result<Route> route_of(FdRef socket) {
  const auto local = address_of(socket, ::getsockname, "getsockname");
  if (!local) return std::unexpected(local.error());
  if (local->ss_family == AF_UNIX) return Route{};
  const auto peer = address_of(socket, ::getpeername, "getpeername");
  if (!peer) return std::unexpected(peer.error());
  const auto addresses = addresses_here();
  if (!addresses) return std::unexpected(addresses.error());

  const bool here = device_with(*addresses, *peer) != nullptr;
  const ifaddrs* const found = here ? loopback_of(*addresses) : device_with(*addresses, *local);
  if (!found) return make_error(ENODEV, "getifaddrs");
  Route route{.device = found->ifa_name,
              .driver = driver_of(socket, found->ifa_name),
              .loopback = (found->ifa_flags & IFF_LOOPBACK) != 0,
              .takes_scattered_pages = {}};
  if (const auto takes = has_scatter_gather(socket, route.device))
    route.takes_scattered_pages = *takes;
  return route;
}

Result<bool> takes_scattered_pages(FdRef socket) {
  const auto local = address_of(socket, ::getsockname, "getsockname");
  if (!local) return std::unexpected(local.error());
  if (local->ss_family == AF_UNIX) return true;
  const auto addresses = addresses_here();
  if (!addresses) return std::unexpected(addresses.error());
  const ifaddrs* const found = device_with(*addresses, *local);
  if (!found) return make_error(ENODEV, "getifaddrs");
  return has_scatter_gather(socket, found->ifa_name);
}

}  // namespace leat::os
