#include "transfer/preallocation.h"

#include <algorithm>

#include "os/descriptor.h"
#include "os/file.h"

namespace leat {

void Preallocation::plan(std::uint64_t begin, std::uint64_t length) noexcept {
  if (length > to_end - begin || begin + length <= end_) return;
  next_ = std::max(next_, begin);
  end_ = begin + length;
}

Result<void> Preallocation::advance(FdRef sink) {
  const std::uint64_t length = std::min(end_ - next_, chunk_bytes);
  asked_ = next_ + length;
  if (auto reserved = os::reserve(sink, next_, length); !reserved) {
    next_ = end_;
    if (!reserved.error().is(ENOSPC) && !reserved.error().is(EDQUOT)) return {};
    reserved.error().subject = "sink";
    reserved.error().hint = reserved.error().is(ENOSPC) ? "free some space where the sink is"
                                                        : "the disk quota is used up";
    return reserved;
  }
  next_ += length;
  return {};
}

// Not by FALLOC_FL_PUNCH_HOLE: ext4 punches nothing behind the end of a file. A file that has grown
// beyond what was asked for is somebody else's too, and is left alone.
void Preallocation::give_back(FdRef sink) noexcept {
  const std::uint64_t asked = asked_;
  forget();
  if (asked == 0) return;
  const auto stat = os::stat(sink);
  if (!stat || stat->size >= asked) return;
  [[maybe_unused]] const auto ignored = os::set_size(sink, stat->size);
}

}  // namespace leat
