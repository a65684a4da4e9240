// One transfer by direct_io: what it knows of its two ends, and what is on its way between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "mechanism/direct_queue.h"
#include "mechanism/mechanism.h"

namespace leat {

/// A file at one end.
struct DirectEnd {
  OwnedFd direct;          ///< a description of its own with O_DIRECT; invalid: through the cache
  std::uint64_t base = 0;  ///< where place 0 lies in it
  bool is_file = false;    ///< else a socket
  bool at_cursor = false;  ///< the offset of its borrowed descriptor moves along
};

/// Places, blocks and what went wrong. See DirectSlot for what a place is.
///
/// Sources: a file is read ahead, in whole aligned blocks that may begin before and end behind what
/// is wanted; a socket fills one block after the other. Sinks: a file gets whole aligned blocks,
/// several in flight, and what is left of them at both ends through its page cache; or everything
/// through its page cache, in order; a socket gets what is there, in order.
class DirectWork {
 public:
  DirectWork(DirectEnd source, DirectEnd sink, std::size_t unit, DirectQueue queue);

  Moved step(const Passage& passage, const Allowance& allowance);
  Moved wind_down(Resources& resources);
  Residue surrender(Resources& resources);
  bool runnable() const { return queue_.has_answer(); }

 private:
  struct Stop {
    std::uint64_t place;
    int error_number;  ///< 0: the source ends there
    std::string_view operation;
  };

  // What one step was lent, and what it did so far.
  struct Step {
    const Passage& passage;
    const Allowance& allowance;
    Moved moved{};
    bool source_blocked = false;
    bool sink_blocked = false;
  };

  void follow(const Passage& passage);
  void settle(Resources& resources, FdRef from);
  void settle_read(DirectSlot& slot, Resources& resources, FdRef from);
  void settle_write(DirectSlot& slot);
  void find_written();
  void add_written(std::uint64_t count);

  void start_read(DirectSlot& slot, Resources& resources, FdRef from);
  void read_ahead(Step& step, std::uint64_t sight);
  void receive(Step& step);
  void send(Step& step);
  void write_in_order(Step& step);
  void write_blocks(Step& step);
  bool write_piece(Step& step, DirectSlot& slot, bool flush);
  bool write_ragged_piece(Step& step, DirectSlot& slot, bool flush);
  std::span<std::byte> next_bytes(std::uint64_t limit);
  bool flushes(const Step& step) const;
  std::uint64_t unreported() const;
  void report(Step& step);
  void tell_denial(Step& step);
  void move_cursors(const Step& step);
  Moved conclude(Step& step);
  Moved ending(Step& step);
  void stop_source(std::uint64_t place, int error_number, std::string_view operation);
  void fail_sink(int error_number, std::string_view operation);
  std::size_t phase_of(std::uint64_t place) const { return (phase_base_ + place) % unit_; }

  DirectEnd source_;
  DirectEnd sink_;
  std::size_t unit_;          // of alignment, of everything that is direct
  std::uint64_t phase_base_;  // the offset that blocks are aligned to
  DirectQueue queue_;
  std::uint64_t next_ = 0;       // the first place that is not in the queue yet
  std::uint64_t written_ = 0;    // the sink has everything before it
  std::uint64_t delivered_ = 0;  // and this much of it was reported
  std::optional<Stop> source_stop_;
  int sink_error_ = 0;
  std::string_view sink_operation_;
};

}  // namespace leat
