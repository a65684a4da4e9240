// Ways from this host to itself or to a network namespace, which tests/lab/zerocopy.sh lays.
#pragma once

#include <ostream>
#include <string>

#include "support/streams.h"

namespace leat::testing {

/// A way for TCP, and what the kernel does with memory lent to it there.
struct Road {
  const char* name;
  const char* far_namespace;  ///< of ip-netns(8), where the receiver is; empty: here
  const char* far_address;
  bool copies;
};

/// On loopback and veth the receiver would keep the sender's pages for as long as it does not
/// read, so the kernel copies them; a card that gathers reads them by itself.
inline constexpr Road roads[] = {{"loopback", "", "127.0.0.1", true},
                                 {"veth", "leat_veth", "10.77.1.2", true},
                                 {"e1000e", "leat_wire", "10.77.2.2", false}};

inline void PrintTo(const Road& road, std::ostream* out) { *out << road.name; }

/// Connects over `road`; `to` is the sender's socket. Fails the test and returns closed ones if
/// that does not work.
Pair connect_over(const Road& road);

}  // namespace leat::testing
