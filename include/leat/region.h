/// Memory that processes share: written once, sealed, passed over a UNIX socket, and read by all of
/// them in the same pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <leat/buffer.h>
#include <leat/error.h>
#include <leat/fd.h>

namespace leat {

/// Memory that nobody can change any more, in this process and, after send_region(), in others. A
/// process that dies takes nothing with it, and leaves nothing: the kernel gives the pages back
/// when the last one has let go. Copying shares it.
struct Region {
  Slice bytes;                        ///< mapped; keeps the mapping
  std::shared_ptr<const OwnedFd> fd;  ///< the sealed memfd
  std::uint64_t begins_at = 0;        ///< in that
};

/// A Region in the making: memory to be written. Move-only.
class RegionBuilder {
 public:
  /// Zeroed. Errors: ENOMEM, EMFILE, ENFILE, EINVAL (no bytes). See memfd_create(2).
  static Result<RegionBuilder> with_size(std::size_t bytes);

  RegionBuilder(RegionBuilder&& other) noexcept;
  RegionBuilder& operator=(RegionBuilder&& other) noexcept;
  ~RegionBuilder();

  std::span<std::byte> bytes() const noexcept { return bytes_; }

  /// Gives up the right to write, for everybody and for good (F_SEAL_WRITE, F_SEAL_SHRINK,
  /// F_SEAL_GROW, F_SEAL_SEAL), and maps it to be read. Nothing is copied. Errors: ENOMEM; EBUSY
  /// (the kernel still has pages of it pinned).
  Result<Region> seal() &&;

 private:
  RegionBuilder(OwnedFd fd, std::span<std::byte> bytes) noexcept
      : fd_(std::move(fd)), bytes_(bytes) {}
  OwnedFd fd_;
  std::span<std::byte> bytes_;
};

/// Passes a part of a region to whoever reads the other end of a UNIX stream socket: its descriptor
/// and where the part is, in one small message. Errors: EAGAIN (the socket is full), EPIPE,
/// ETOOMANYREFS, EINVAL (no UNIX socket), … See unix(7) SCM_RIGHTS.
Result<void> send_region(FdRef socket, const Region& region, std::size_t offset = 0,
                         std::size_t length = static_cast<std::size_t>(-1));

/// The next one, mapped here; nothing at the end of the stream. What the peer sends is not
/// believed: a memfd that could still be written or cut off, or a part that is not in it, is
/// Errc::wrong_layout, and the descriptor is closed. Errors: EAGAIN, ECONNRESET, EMFILE, ENOMEM.
Result<std::optional<Region>> receive_region(FdRef socket);

}  // namespace leat
