// One io_uring(7): operations, their records, and who denies it.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <leat/context.h>
#include <leat/error.h>
#include <leat/fd.h>

#include "os/ring_memory.h"
#include "os/ring_records.h"

struct io_uring_sqe;  // NOLINT(readability-identifier-naming): liburing's

namespace leat::os {

/// The ring of a context. It is opened when it is first needed, and only then can it be refused.
/// One thread. Its eventfd is made readable by every completion; `reap` alone takes them.
class Ring {
 public:
  Ring(FdRef eventfd, RingUse use) noexcept;
  /// Waits, at most a second, for what is in flight; memory that the kernel then still uses is
  /// given up for good rather than freed.
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Opens it, unless it is open. Errors: ENOSYS, EPERM, ENOMEM, EMFILE as io_uring_setup(2) has
  /// them, the operation naming who denies it; EEXIST (it is bound to another thread).
  Result<void> open();
  /// Has the kernel pin all `stretches` until the ring is gone, and keeps `owner` as long: what
  /// reads, writes or sends one piece within one of them is then spared pinning it each time. All
  /// of them or none. Errors: as `open`; EOPNOTSUPP (before Linux 5.19, or built without liburing);
  /// ENOBUFS (more than RegisteredMemory::most stretches); ENOMEM, with RLIMIT_MEMLOCK as the hint;
  /// EFAULT (a stretch of more than 1 GiB). See IORING_REGISTER_BUFFERS_UPDATE in
  /// io_uring_register(2).
  Result<void> register_memory(std::span<const std::span<std::byte>> stretches,
                               std::shared_ptr<const void> owner);

  /// A record. Errors: as `open`; EAGAIN: as many operations are in flight as it may hold, so wait
  /// until one is `finished`.
  Result<RingOperation*> begin();
  /// Done with `operation`: it is freed, now or once it is finished. One that is in flight is
  /// cancelled if that is possible.
  void end(RingOperation& operation) noexcept;
  /// Asks for `operation`, which is in flight, to end early; its result is then mostly -ECANCELED.
  void cancel(RingOperation& operation) noexcept;

  /// These hand the operation over with the next `submit`. Memory has to live until the operation
  /// is finished; a msghdr and what it points to until `submit` returns. See io_uring_enter(2).
  void read(RingOperation& operation, FdRef file, std::span<std::byte> into, std::uint64_t offset);
  /// The same by one of the ring's workers from the start, so that not even submit waits.
  void read_elsewhere(RingOperation& operation, FdRef file, std::span<std::byte> into,
                      std::uint64_t offset);
  /// Opens `path` by one of the ring's workers; the result is a descriptor. `flags` as open(2) has
  /// them. The path has to live until the operation is finished.
  void open_elsewhere(RingOperation& operation, const char* path, int flags);
  /// Has a stretch of `file` read into the page cache, and whatever is handed over after it, by
  /// the same submit, begins only when that is under way. It waits for no byte and tells nobody how
  /// it went. See posix_fadvise(2) POSIX_FADV_WILLNEED.
  void will_need(FdRef file, std::uint64_t offset, std::uint64_t length);
  void write(RingOperation& operation, FdRef file, std::span<const std::byte> from,
             std::uint64_t offset);
  /// Zero-copy sends with MSG_DONTWAIT and MSG_NOSIGNAL. See io_uring_prep_send_zc(3).
  void send_zero_copy(RingOperation& operation, FdRef socket, std::span<const std::byte> from,
                      bool more_follows);
  void sendmsg_zero_copy(RingOperation& operation, FdRef socket, const msghdr& message,
                         bool more_follows);

  /// Hands over what was prepared. Errors as io_uring_enter(2), the operation naming who denies it;
  /// what the kernel did not take is finished then, with that error as its result.
  Result<void> submit();
  /// Takes every completion there is; never waits. Returns true if there was one.
  bool reap() noexcept;

  /// Operations that are not finished.
  std::uint64_t in_flight() const noexcept { return records_.in_flight(); }
  /// How many have finished since the ring was made.
  std::uint64_t finished() const noexcept { return records_.finished(); }
  bool is_open() const noexcept { return state_ != nullptr; }
  std::uint64_t registered_bytes() const noexcept { return memory_.bytes(); }
  /// Operations that were prepared in registered memory.
  std::uint64_t registered_operations() const noexcept { return registered_operations_; }
  /// True if notifications say whether the kernel copied after all (Linux 6.2). Needs an open ring.
  bool reports_copies();

 private:
  struct State;  // liburing's
  Result<void> make_table();
  std::optional<std::uint16_t> place_of(std::span<const std::byte> bytes) noexcept;
  io_uring_sqe* entry_for(RingOperation* operation);
  io_uring_sqe* start(RingOperation& operation);
  void give_to_worker(io_uring_sqe& entry);
  void take_back(int error);

  FdRef eventfd_;
  RingUse use_;
  RingRecords records_;      // outlives the ring itself
  RegisteredMemory memory_;  // the same
  std::uint64_t registered_operations_ = 0;
  std::unique_ptr<State> state_;
};

/// What a ring can be asked for.
enum class RingNeed : std::uint8_t { files, zero_copy_send };
/// Empty, or why this host offers no ring for that, naming who denies it. Asks the kernel.
std::string_view ring_verdict(RingNeed need) noexcept;

}  // namespace leat::os
