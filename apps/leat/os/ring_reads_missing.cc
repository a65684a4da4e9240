// In place of ring_reads.cc where there is no liburing.
#include "os/block_reads.h"
#include "os/error.h"

namespace leat::app::os {

struct RingReads::State {};

Result<RingReads> RingReads::create(FdRef, std::size_t) {
  return make_error(ENOSYS, "io_uring_setup (built without liburing)");
}

RingReads::RingReads(RingReads&&) noexcept = default;
RingReads::~RingReads() = default;

Result<void> RingReads::read(std::span<const std::uint64_t>, std::uint64_t,
                             const std::function<void(std::span<const std::byte>)>&) {
  return make_error(ENOSYS, "io_uring_enter (built without liburing)");
}

}  // namespace leat::app::os
