/// The network interfaces of this network namespace. See netdevice(7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <leat/error.h>

namespace leat::app::os {

/// Something that a network card, or its driver, may do instead of the CPU.
struct Offload {
  std::string name;  ///< the kernel's: "tx-scatter-gather"
  bool on = false;
  bool changeable = false;  ///< ethtool -K can switch it
};

struct Interface {
  std::string name;
  std::string driver;  ///< empty if it is not told
  bool up = false;
  bool loopback = false;
  std::uint32_t mtu = 0;  ///< 0 if it is not told
  Result<std::vector<Offload>> offloads;
};

/// The names of all, in the kernel's order. Errors: those of socket(2) and netlink(7).
Result<std::vector<std::string>> interface_names();

/// Errors: ENODEV, those of socket(2). That the driver does not tell its offloads is an error in
/// `offloads` only: EOPNOTSUPP.
Result<Interface> look_at_interface(const std::string& name);

}  // namespace leat::app::os
