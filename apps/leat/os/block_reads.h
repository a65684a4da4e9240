/// Reading a file block by block, through the page cache and past it, for measuring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::app::os {

/// Fills `into` from `offset` on. One call where the kernel gives all at once. Errors: EIO (also of
/// a file that is shorter). See pread(2).
Result<void> read_exactly(FdRef file, std::uint64_t offset, std::span<std::byte> into);

/// Reads all of it from its start, `block_bytes` at a time, which is how the kernel's readahead
/// fills the page cache. Errors: EIO, ENOMEM.
Result<void> read_in_blocks(FdRef file, std::size_t block_bytes);

/// The same file, opened once more to be read past the page cache. Errors: EINVAL (its file system
/// cannot). See O_DIRECT in open(2).
Result<OwnedFd> reopen_direct(FdRef file);

/// Writes `bytes` at the start, in one call where the kernel takes all at once. Errors: ENOSPC,
/// EIO.
Result<void> write_at_start(FdRef file, std::span<const std::byte> bytes);

/// Blocks read by io_uring(7) into buffers that are registered with the ring, eight in flight.
/// Move-only; one thread. What is built without liburing says ENOSYS.
class RingReads {
 public:
  static constexpr unsigned depth = 8;

  /// Blocks of `block_bytes`, whole pages. Errors: ENOSYS, EPERM, ENOMEM (RLIMIT_MEMLOCK).
  static Result<RingReads> create(FdRef file, std::size_t block_bytes);
  RingReads(RingReads&& other) noexcept;
  RingReads& operator=(RingReads&&) = delete;
  ~RingReads();

  /// Reads the block at each of `offsets`, cut at `end`, and shows each to `see`, in the order in
  /// which they come. Errors: EIO (also of a block that comes short).
  Result<void> read(std::span<const std::uint64_t> offsets, std::uint64_t end,
                    const std::function<void(std::span<const std::byte>)>& see);

 private:
  struct State;
  explicit RingReads(State* state) noexcept : state_(state) {}
  State* state_;
};

}  // namespace leat::app::os
