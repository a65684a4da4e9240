/// Virtual Ethernet devices of the network namespace that the calling thread is in.
/// See rtnetlink(7), veth(4), netdevice(7).
#pragma once

#include <cstdint>
#include <string>

#include <leat/error.h>
#include <leat/fd.h>

#include "os/loopback.h"

namespace leat::app::os {

/// Makes a pair of devices, both called `name`: one here, one in the namespace `other`.
/// Errors: EPERM; EOPNOTSUPP (the kernel has no veth); EEXIST.
Result<void> make_veth(const std::string& name, FdRef other);

/// Gives the device this address, with a prefix of 24 bits, and switches it on. Errors: EPERM.
Result<void> bring_up(const std::string& name, Ipv4 address);

}  // namespace leat::app::os
