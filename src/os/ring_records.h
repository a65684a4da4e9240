// The operations of one ring and what became of them; no system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include <leat/keeper.h>

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
  int result = 0;  ///< bytes, or a negated errno
  Keeper keeps;    ///< memory that has to live until the operation is finished
  /// Called once when it is finished, also if nobody holds it any more.
  void (*on_finish)(RingOperation& operation) = nullptr;
  void* who = nullptr;       ///< for on_finish
  void* whose = nullptr;     ///< for on_finish
  std::uint64_t what = 0;    ///< for on_finish
  std::uint64_t number = 0;  ///< for whoever began it

  bool has_result() const { return stage == Stage::answered || stage == Stage::finished; }

  /// What a completion queue entry says. Returns true if the operation is finished by it. Entries
  /// may come in any order; those that make no sense change nothing.
  bool take(std::int32_t answer, std::uint32_t flags) noexcept;
};

/// Letting go of memory may run anything, so a record is in order before its `keeps` goes.
class RingRecords {
 public:
  /// So many may be in flight; then there are zero-copy sends whose memory the peer has yet to
  /// acknowledge, which the context's budget for lent bytes bounds long before.
  static constexpr std::size_t most = 512;

  RingRecords() = default;
  RingRecords(const RingRecords&) = delete;
  RingRecords& operator=(const RingRecords&) = delete;
  /// Memory that the kernel may still use is given up for good rather than freed.
  ~RingRecords();

  /// Null if all are in use.
  RingOperation* begin();
  /// It is about to be handed to the kernel.
  void started(RingOperation& operation) noexcept;
  /// A completion queue entry names it.
  void complete(RingOperation& operation, std::int32_t answer, std::uint32_t flags) noexcept;
  /// The kernel never got it.
  void fail(RingOperation& operation, int error_number) noexcept;
  /// No completion will be seen any more: those that have no answer have this one now. The kernel
  /// may still use their memory, so they stay in flight, and what they did nobody can tell.
  void lose(int error_number) noexcept;
  /// Nobody holds it any more. Returns true if it has no answer yet: it should be cancelled.
  bool end(RingOperation& operation) noexcept;

  /// Not finished.
  std::uint64_t in_flight() const noexcept { return in_flight_; }
  /// Counts those that are.
  std::uint64_t finished() const noexcept { return finished_; }
  std::deque<RingOperation>& all() noexcept { return records_; }

 private:
  void finish(RingOperation& operation) noexcept;
  void recycle(RingOperation& operation) noexcept;

  std::deque<RingOperation> records_;
  std::deque<RingOperation*> idle_;
  std::uint64_t in_flight_ = 0;
  std::uint64_t finished_ = 0;
};

}  // namespace leat::os
