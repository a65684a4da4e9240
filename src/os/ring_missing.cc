// In place of ring.cc where liburing was not found.
#include "os/error.h"
#include "os/ring.h"

namespace leat::os {

struct Ring::State {};

Ring::Ring(FdRef eventfd, RingUse use) noexcept : eventfd_(eventfd), use_(use) {}
Ring::~Ring() = default;

Result<void> Ring::open() {
  return make_error(EOPNOTSUPP, "io_uring_setup (leat was built without liburing)");
}
Result<void> Ring::register_memory(std::span<const std::span<std::byte>>,
                                   std::shared_ptr<const void>) {
  return open();
}
Result<RingOperation*> Ring::begin() {
  return make_error(ENOSYS, "io_uring_setup (leat was built without liburing)");
}
void Ring::end(RingOperation&) noexcept {}
void Ring::cancel(RingOperation&) noexcept {}
void Ring::read(RingOperation&, FdRef, std::span<std::byte>, std::uint64_t) {}
void Ring::read_elsewhere(RingOperation&, FdRef, std::span<std::byte>, std::uint64_t) {}
void Ring::open_elsewhere(RingOperation&, const char*, int) {}
void Ring::will_need(FdRef, std::uint64_t, std::uint64_t) {}
void Ring::write(RingOperation&, FdRef, std::span<const std::byte>, std::uint64_t) {}
void Ring::send_zero_copy(RingOperation&, FdRef, std::span<const std::byte>, bool) {}
void Ring::sendmsg_zero_copy(RingOperation&, FdRef, const msghdr&, bool) {}
Result<void> Ring::submit() { return {}; }
bool Ring::reap() noexcept { return false; }
bool Ring::reports_copies() { return false; }

std::string_view ring_verdict(RingNeed) noexcept { return "leat was built without liburing"; }

}  // namespace leat::os
