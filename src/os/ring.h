// One io_uring(7): operations, their records, and who denies it.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>

#include <leat/context.h>
#include <leat/error.h>
#include <leat/fd.h>

struct io_uring_sqe;

namespace leat::os {

/// One operation handed to the kernel. Lives in its ring's pool and never moves. Whoever began it
/// gives it back by `end`, at any time: the record, and what it keeps, then stay until the kernel
/// is through with them.
struct RingOperation {
  enum class Stage : std::uint8_t {
    idle,
    in_flight,  ///< no answer yet
    answered,   ///< `result` is there; the kernel still reads the memory (a zero-copy send)
    finished,   ///< `result` is there; the kernel has let go of the memory
  };

  Stage stage = Stage::idle;
  bool notified = false;  ///< the notification of a zero-copy send came
  bool copied = false;    ///< and said that the kernel copied the bytes after all
  bool abandoned = false;
  int result = 0;                     ///< bytes, or a negated errno
  std::shared_ptr<const void> keeps;  ///< memory that has to live until the operation is finished
  /// Called once when it is finished, also if nobody holds it any more.
  void (*on_finish)(RingOperation& operation) = nullptr;
  void* who = nullptr;       ///< for on_finish
  std::uint64_t what = 0;    ///< for on_finish
  std::uint64_t number = 0;  ///< for whoever began it

  bool has_result() const { return stage == Stage::answered || stage == Stage::finished; }

  /// What a completion queue entry says. Returns true if the operation is finished by it. Entries
  /// may come in any order; those that make no sense change nothing.
  bool take(std::int32_t answer, std::uint32_t flags) noexcept;
};

/// The ring of a context. It is opened at the first `begin`, and only then can it be refused. One
/// thread. Its eventfd is made readable by every completion; `reap` alone takes them.
class Ring {
 public:
  Ring(FdRef eventfd, RingUse use) noexcept;
  /// Waits, at most a second, for what is in flight; memory that the kernel then still uses is
  /// given up for good rather than freed.
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// A record. Errors: ENOSYS, EPERM, ENOMEM, EMFILE as io_uring_setup(2) has them, the operation
  /// naming who denies it; EEXIST (the context has passed to another thread); EAGAIN: as many
  /// operations are in flight as it may hold, so wait for the context.
  Result<RingOperation*> begin();
  /// Done with `operation`: it is freed, now or once it is finished. One that is in flight is
  /// cancelled if that is possible.
  void end(RingOperation& operation) noexcept;
  /// Asks for `operation`, which is in flight, to end early; its result is then mostly -ECANCELED.
  void cancel(RingOperation& operation) noexcept;

  /// These hand the operation over with the next `submit`. Memory has to live until the operation
  /// is finished; a msghdr and what it points to until `submit` returns. See io_uring_enter(2).
  void read(RingOperation& operation, FdRef file, std::span<std::byte> into, std::uint64_t offset);
  void write(RingOperation& operation, FdRef file, std::span<const std::byte> from,
             std::uint64_t offset);
  /// Zero-copy sends with MSG_DONTWAIT and MSG_NOSIGNAL. See io_uring_prep_send_zc(3).
  void send_zero_copy(RingOperation& operation, FdRef socket, std::span<const std::byte> from,
                      bool more_follows);
  void sendmsg_zero_copy(RingOperation& operation, FdRef socket, const msghdr& message,
                         bool more_follows);

  /// Hands over what was prepared. Errors as io_uring_enter(2); what was prepared then has that
  /// error as its result.
  Result<void> submit();
  /// Takes every completion there is; never waits. Returns true if there was one.
  bool reap() noexcept;

  std::uint64_t in_flight() const noexcept { return in_flight_; }
  bool is_open() const noexcept { return state_ != nullptr; }
  /// True if notifications say whether the kernel copied after all (Linux 6.2). Needs an open ring.
  bool reports_copies();

 private:
  struct State;  // liburing's
  Result<void> open();
  void finish(RingOperation& operation) noexcept;
  io_uring_sqe* entry_for(RingOperation& operation);
  void take_back(io_uring_sqe* entry, RingOperation& operation, int error);
  RingOperation* free_record();

  FdRef eventfd_;
  RingUse use_;
  std::unique_ptr<State> state_;
  std::deque<RingOperation> records_;
  std::deque<RingOperation*> idle_;
  std::uint64_t in_flight_ = 0;
};

/// What a ring can be asked for.
enum class RingNeed : std::uint8_t { files, zero_copy_send };
/// Empty, or why this host offers no ring for that, naming who denies it. Asks the kernel.
std::string_view ring_verdict(RingNeed need) noexcept;

}  // namespace leat::os
