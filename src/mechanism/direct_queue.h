// The blocks of direct_io on their way from a source to a sink: in order, each with at most one
// operation in flight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <leat/error.h>
#include <leat/keeper.h>
#include <leat/pool.h>

#include "buffer/block_pool.h"
#include "os/ring.h"

namespace leat {

/// A block and what is known of its bytes. Places count bytes of the transfer from where the
/// mechanism began, so that they are the same for source and sink.
struct DirectSlot {
  enum class Work : std::uint8_t { none, reading, writing };

  std::byte* memory = nullptr;  ///< aligned to a page; the byte of place `begin` lies at `shift`
  std::size_t shift = 0;
  std::uint64_t begin = 0;    ///< place of the first byte
  std::uint64_t end = 0;      ///< place behind the last one that it shall hold
  std::uint64_t filled = 0;   ///< up to here the bytes are there
  std::uint64_t issued = 0;   ///< up to here the sink has them or is being given them
  std::uint64_t written = 0;  ///< up to here the sink has them

  Work work = Work::none;
  std::uint32_t tries = 0;           ///< in a row that moved nothing
  std::size_t operation_begin = 0;   ///< in `memory`
  std::size_t operation_length = 0;  ///< in bytes
  os::RingOperation* operation = nullptr;
  bool answered = false;  ///< `answer` is there and was not looked at
  int answer = 0;         ///< bytes, or a negated errno

  std::span<std::byte> bytes(std::uint64_t from, std::uint64_t to) const {
    return {memory + shift + (from - begin), static_cast<std::size_t>(to - from)};
  }
};

/// What slots lie in: leases of memory that the ring knows, or else a block.
struct DirectMemory {
  Block block{};
  std::vector<Lease> leases{};
};

/// Slots in the order of their places, and the memory that they share with operations on a ring.
class DirectQueue {
 public:
  /// `memory` is cut into slots of `slot_bytes`, `most` at most.
  DirectQueue(DirectMemory memory, std::size_t slot_bytes, std::size_t most);

  std::size_t slot_bytes() const { return slot_bytes_; }
  std::deque<DirectSlot>& slots() { return slots_; }
  const std::deque<DirectSlot>& slots() const { return slots_; }
  bool has_room() const { return !free_.empty(); }
  /// A new last slot, empty, of bytes that begin at `place`. Needs room.
  DirectSlot& add(std::uint64_t place, std::size_t shift);
  void pop_front();

  /// Reads or writes `length` bytes of the slot's memory from `begin` on at `offset` of `file`: on
  /// the ring with the next submit, or at once where there is no ring or all its records are taken.
  void start(DirectSlot& slot, DirectSlot::Work work, os::Ring& ring, FdRef file, std::size_t begin,
             std::size_t length, std::uint64_t offset);
  /// The same, never on the ring.
  static void do_at_once(DirectSlot& slot, DirectSlot::Work work, FdRef file, std::size_t begin,
                         std::size_t length, std::uint64_t offset);
  /// Hands over what was started.
  void submit(os::Ring& ring);
  /// Takes the answers over from the ring's records.
  void collect(os::Ring& ring);
  /// True if an operation has an answer that nobody has looked at.
  bool has_answer() const;
  std::size_t in_flight() const;
  bool uses_ring() const { return uses_ring_; }
  /// Why there is no ring: once, when that has turned out; nothing before and after.
  std::optional<Error> take_denial() { return std::exchange(denial_, std::nullopt); }

  /// Ends every operation; what is in flight keeps the memory alive.
  void abandon(os::Ring& ring);
  const Kept<DirectMemory>& memory() const { return memory_; }

 private:
  Kept<DirectMemory> memory_;
  std::size_t slot_bytes_;
  std::deque<DirectSlot> slots_;
  std::deque<std::byte*> free_;
  bool uses_ring_ = true;  // until it is refused
  std::optional<Error> denial_;
  bool prepared_ = false;
};

}  // namespace leat
