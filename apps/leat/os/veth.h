/// A network to measure over: two namespaces joined by a pair of virtual Ethernet devices.
/// See network_namespaces(7), veth(4).
#pragma once

#include <leat/error.h>
#include <leat/fd.h>

#include "os/loopback.h"

namespace leat::app::os {

/// The namespaces have no name: they and their devices are gone with the last process that uses
/// them, however it ends. Move-only.
class VethPair {
 public:
  static constexpr Ipv4 near_address = 0x0a4d0001;  // 10.77.0.1
  static constexpr Ipv4 far_address = 0x0a4d0002;   // 10.77.0.2

  /// Makes both namespaces and takes the calling thread, the only one of its process, into the near
  /// one. Without CAP_SYS_ADMIN it tries a user namespace first, where it is its own user.
  /// Errors: EPERM; those of rtnetlink.h.
  static Result<VethPair> create();

  VethPair(VethPair&&) noexcept = default;
  VethPair& operator=(VethPair&&) = delete;
  /// Goes back to where the thread was, unless that took a user namespace.
  ~VethPair();

  /// Listens at the far end; the thread is in the near namespace again afterwards. What connects
  /// from there comes over the pair.
  Result<OwnedFd> listen() const;

 private:
  VethPair() noexcept = default;
  Result<void> connect_namespaces();

  OwnedFd home_;
  OwnedFd near_;
  OwnedFd far_;
};

}  // namespace leat::app::os
