#include "transfer/holes.h"

#include <algorithm>

#include "os/descriptor.h"
#include "os/file.h"

namespace leat {

void HoleWalk::begin(FdRef file, bool owned) {
  end();
  if (owned) {
    file_ = file;
    return;
  }
  auto description = os::reopen_nonblocking(file, os::Access::read);
  if (!description) return;
  description_ = std::move(*description);
  file_ = description_;
}

void HoleWalk::end() noexcept {
  file_ = FdRef();
  description_.reset();
  data_begin_ = data_end_ = 0;
}

// Where the file system cannot tell, or the file changes meanwhile, everything counts as data.
void HoleWalk::look(std::uint64_t offset) {
  const auto data = os::next_data(file_, offset);
  if (!data) {
    // ENXIO is a hole up to the end of the file, or that end itself. Behind it everything counts as
    // data: only reading tells that a source has shrunk.
    const auto stat = os::stat(file_);
    const bool hole = data.error().is(ENXIO) && stat.has_value();
    data_begin_ = hole ? std::max(stat->size, offset) : offset;
    data_end_ = to_end;
    return;
  }
  const auto hole = os::next_hole(file_, *data);
  data_begin_ = *data;
  data_end_ = hole ? *hole : to_end;
}

std::uint64_t HoleWalk::hole_at(std::uint64_t offset, std::uint64_t limit) {
  if (offset >= data_end_) look(offset);
  return offset < data_begin_ ? std::min(data_begin_ - offset, limit) : 0;
}

std::uint64_t HoleWalk::data_left(std::uint64_t offset) const {
  return data_end_ == to_end ? to_end : data_end_ - std::min(offset, data_end_);
}

}  // namespace leat
