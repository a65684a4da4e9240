// Space for a stream that is to become a file, asked for before the first byte is taken.
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

#include "endpoint/facts.h"

namespace leat {

/// A stream that says how long it is, into a file that has nothing there yet: a full disk is told
/// before bytes are taken that could not be had again, and the file lies in few pieces. It is a
/// favour, not a need: where the file system cannot, nothing happens. The file's size is left
/// alone.
class Preallocation {
 public:
  /// Less is written in the time that asking takes to be worth it.
  static constexpr std::uint64_t least_bytes = 1 << 20;
  /// Of one call: tmpfs allocates page by page, so that a large one would hold up an event loop.
  static constexpr std::uint64_t chunk_bytes = 64 << 20;

  static bool is_for(const SourceFacts& source, const SinkFacts& sink) {
    const bool stream =
        source.kind == Kind::socket || source.kind == Kind::pipe || source.kind == Kind::device;
    return stream && source.promised != to_end && source.promised >= least_bytes &&
           sink.keeps_holes;
  }

  /// From `begin` on in the sink. What has been asked for before is not asked for again.
  void plan(std::uint64_t begin, std::uint64_t length) noexcept;
  bool pending() const noexcept { return next_ < end_; }
  /// Asks for the next chunk. Errors: ENOSPC, EDQUOT; any other ends it in silence.
  Result<void> advance(FdRef sink);
  /// Gives back what lies behind the end of the file.
  void give_back(FdRef sink) noexcept;
  /// All of it has been written.
  void forget() noexcept { next_ = end_ = asked_ = 0; }

 private:
  std::uint64_t next_ = 0;   // up to here is allocated
  std::uint64_t end_ = 0;    // up to here it should be
  std::uint64_t asked_ = 0;  // up to here it may be; 0: nothing was asked for
};

}  // namespace leat
