// Has a cold file read ahead by others, and says how much of it a step may take without waiting.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <leat/error.h>
#include <leat/fd.h>

#include "os/file_reads.h"
#include "os/mapping.h"

namespace leat {

/// With Disk::never_wait, where others would wait but for `denied`: a call, and by whom.
Error would_wait(std::string_view denied);

/// Of one stretch of one file at a time. Before each move it is asked what of the next bytes is in
/// memory (mincore(2) on a mapping that nobody touches), so that pages that are evicted meanwhile
/// cost another wait and never a wait inside a step.
///
/// What is missing within the window is asked for (POSIX_FADV_WILLNEED) by whoever may wait. Of the
/// first piece of it a read is begun as well: when it finishes the piece is there. The next window
/// is twice what the sink took meanwhile, or twice the last one if it had to wait. For a file that
/// is in memory nothing is begun.
class ReadAhead {
 public:
  static constexpr std::uint64_t least_window_bytes = 256 << 10;
  static constexpr std::uint64_t default_window_bytes = 4 << 20;

  ReadAhead(os::FileReads& reads, std::uint32_t most_window_bytes);
  ~ReadAhead() { end(); }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// From now on `look` answers for `length` bytes of `file` from `offset` on, where the transfer
  /// has taken `taken` bytes so far. False if they cannot be mapped.
  bool begin(FdRef file, std::uint64_t offset, std::uint64_t length, std::uint64_t taken);
  /// Of what is in flight nobody waits for the end.
  void end() noexcept;
  bool active() const noexcept { return mapping_.valid(); }

  struct Look {
    enum class Answer : std::uint8_t {
      take,           ///< `bytes` may be taken without waiting
      wait,           ///< for a read that is in flight: see `runnable`
      again,          ///< look again: it has an answer already
      wait_for_room,  ///< until anything that others do is finished
      unseen,         ///< what was read does not show as being in memory: ask no more
      failed,         ///< see `error`
    };
    Answer answer;
    std::uint64_t bytes = 0;
  };
  /// The next `wanted` bytes of a transfer that has taken `taken`.
  Look look(std::uint64_t taken, std::uint64_t wanted);
  /// A mechanism that has others read for it waits for them.
  void note_wait() noexcept { ++cold_waits_; }

  /// True if a read has finished since the last look.
  bool runnable() const noexcept;
  std::uint64_t cold_waits() const noexcept { return cold_waits_; }
  /// Bytes that were asked for.
  std::uint64_t prefetched() const noexcept { return prefetched_; }
  std::uint64_t window() const noexcept { return window_; }
  const std::optional<Error>& error() const noexcept { return error_; }

 private:
  struct Reading {
    os::RingOperation* operation = nullptr;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t position = 0;  // of the transfer, when it was begun
    bool starved = false;        // the transfer found nothing while it was under way
  };

  std::uint64_t resident(std::uint64_t from, std::uint64_t until) const;
  void collect(std::uint64_t position);
  void settle(const Reading& reading, int result, std::uint64_t position);
  void measure(const Reading& reading, std::uint64_t position);
  void ask_ahead(std::uint64_t position, std::uint64_t known);
  bool ask(std::uint64_t from, std::uint64_t until, std::uint64_t position, Reading* reading);
  bool is_being_read(std::uint64_t position) const noexcept;
  Look without_any(std::uint64_t position, std::uint64_t wanted);

  os::FileReads& reads_;
  std::uint64_t most_window_;
  std::uint64_t window_ = least_window_bytes;

  FdRef file_;
  os::FileMapping mapping_;  // from the page of the stretch's first byte on; never touched
  std::uint64_t mapped_at_ = 0;
  std::uint64_t origin_ = 0;   // the offset in the file of the transfer's byte 0
  std::uint64_t end_ = 0;      // of the stretch; this and what follows are offsets in the file
  std::uint64_t asked_ = 0;    // up to here everything has been asked for, or is there
  std::uint64_t arrived_ = 0;  // the farthest that a read has come
  std::array<Reading, 2> readings_;
  std::optional<std::uint64_t> ends_at_;  // where read(2) found the file's end
  bool waits_ = false;                    // the last look found nothing
  unsigned misses_ = 0;                   // reads in a row that had nothing to show for
  std::uint64_t cold_waits_ = 0;
  std::uint64_t prefetched_ = 0;
  std::optional<Error> error_;
};

}  // namespace leat
