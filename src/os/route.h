// The network device that carries a connection.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// What a socket's bytes pass. Empty for UNIX sockets.
struct Route {
  std::string device;     ///< "lo", "eth0"
  std::string driver;     ///< "e1000e", "veth"; empty if the device does not say
  bool loopback = false;  ///< the peer is on this host
  /// Pages need not be copied together for it: ethtool's scatter-gather. Nothing: it does not say.
  std::optional<bool> takes_scattered_pages;
};

/// Where a connected socket's bytes leave: by the device with its local address, or by the loopback
/// if the peer has an address of this host. Errors: ENOTCONN; ENODEV (no device has the address).
Result<Route> route_of(FdRef socket);

/// Whether memory that is lent to the kernel may leave sockets without a copy: their devices take
/// scattered pages, and the peer is not on this host. Answers are kept by local address, at most 16
/// of them: asking takes tens of microseconds. Not for sure: only the kernel's notices tell.
class LendingRoutes {
 public:
  /// False also where nothing is known.
  bool promise(FdRef socket);

 private:
  struct Known {
    std::array<std::byte, 20> local{};  // family, then the address
    bool takes = false;
  };
  std::vector<Known> known_;
};

/// True if the network device that carries this TCP connection takes scattered pages, so that the
/// kernel need not copy them together: ethtool's scatter-gather. UNIX sockets: always.
/// Errors: EOPNOTSUPP (the device does not say), ENODEV (no device has the local address).
Result<bool> takes_scattered_pages(FdRef socket);

}  // namespace leat::os
