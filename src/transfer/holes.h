// Holes of a source file that stay holes in the sink. See lseek(2) SEEK_DATA, SEEK_HOLE.
#pragma once

#include <cstdint>
#include <optional>

#include <leat/endpoint.h>

namespace leat {

/// Walks the extents of one sparse file. Inactive unless begun.
class HoleWalk {
 public:
  /// From now on `hole_at` and `data_left` answer for `file`. A borrowed descriptor is reopened, as
  /// looking for holes moves a descriptor's offset; where that is not permitted holes are copied as
  /// zeros.
  void begin(FdRef file, bool owned);
  void end() noexcept;
  bool active() const noexcept { return file_.valid(); }

  /// Bytes of hole from `offset` on, at most up to `limit`; 0 if there is data.
  std::uint64_t hole_at(std::uint64_t offset, std::uint64_t limit);
  /// Bytes of data from `offset` on before the next hole.
  std::uint64_t data_left(std::uint64_t offset) const;

 private:
  void look(std::uint64_t offset);

  FdRef file_;
  OwnedFd description_;
  std::uint64_t data_begin_ = 0;  // the next extent of data; empty when nothing is known
  std::uint64_t data_end_ = 0;
};

}  // namespace leat
