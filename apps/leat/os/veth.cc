#include "os/veth.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "os/error.h"
#include "os/rtnetlink.h"

namespace leat::app::os {
namespace {

constexpr const char* device = "leat0";
constexpr const char* advice =
    "a veth pair needs CAP_SYS_ADMIN and CAP_NET_ADMIN, or the right to make user namespaces: "
    "run it as root";

Result<OwnedFd> own_namespace() {
  const int number = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (number < 0) return last_error("open /proc/self/ns/net");
  return OwnedFd(number);
}

Result<void> enter(FdRef network) {
  if (::setns(network.number(), CLONE_NEWNET) < 0) return last_error("setns");
  return {};
}

Result<void> write_file(const char* path, std::string_view text) {
  const OwnedFd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return last_error("open a file of /proc/self");
  if (::write(file.number(), text.data(), text.size()) < 0)
    return last_error("write to /proc/self");
  return {};
}

/// The same user in a user namespace of its own, in which it may make networks. An id that is not
/// mapped could make no files. See user_namespaces(7).
Result<void> enter_user_namespace() {
  const std::string user = std::to_string(::geteuid());
  const std::string group = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER) < 0) return last_error("unshare");
  // Without this the group may not be mapped.
  if (const auto denied = write_file("/proc/self/setgroups", "deny"); !denied) return denied;
  if (const auto mapped = write_file("/proc/self/uid_map", user + " " + user + " 1"); !mapped) {
    return mapped;
  }
  return write_file("/proc/self/gid_map", group + " " + group + " 1");
}

Error with_advice(Error error) {
  if (error.is(EPERM) || error.is(EACCES) || error.is(ENOSPC)) error.hint = advice;
  return error;
}

}  // namespace

Result<VethPair> VethPair::create() {
  VethPair pair;
  Result<OwnedFd> home = own_namespace();
  if (!home) return std::unexpected(home.error());
  if (::unshare(CLONE_NEWNET) == 0) {
    pair.home_ = std::move(*home);
  } else {
    if (errno != EPERM) return std::unexpected(with_advice(last_error("unshare").error()));
    const auto entered = enter_user_namespace();
    if (!entered) return std::unexpected(with_advice(entered.error()));
    if (::unshare(CLONE_NEWNET) < 0) {
      return std::unexpected(with_advice(last_error("unshare").error()));
    }
  }
  if (const auto connected = pair.connect_namespaces(); !connected) {
    return std::unexpected(with_advice(connected.error()));
  }
  return pair;
}

/// The thread is in the near namespace, which is new; it makes the far one.
Result<void> VethPair::connect_namespaces() {
  Result<OwnedFd> near = own_namespace();
  if (!near) return std::unexpected(near.error());
  near_ = std::move(*near);
  if (::unshare(CLONE_NEWNET) < 0) return last_error("unshare");
  Result<OwnedFd> far = own_namespace();
  if (!far) return std::unexpected(far.error());
  far_ = std::move(*far);
  if (const auto made = make_veth(device, near_); !made) return made;
  if (const auto up = bring_up(device, far_address); !up) return up;
  if (const auto entered = enter(near_); !entered) return entered;
  return bring_up(device, near_address);
}

VethPair::~VethPair() {
  // A failure leaves the thread where it is: nothing that the program does afterwards needs a
  // network.
  if (home_.valid()) static_cast<void>(enter(home_));
}

Result<OwnedFd> VethPair::listen() const {
  if (const auto entered = enter(far_); !entered) return std::unexpected(entered.error());
  Result<OwnedFd> listener = listen_on(far_address);
  if (const auto entered = enter(near_); !entered) return std::unexpected(entered.error());
  return listener;
}

}  // namespace leat::app::os
