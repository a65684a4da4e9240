#include "buffer/pipe_pool.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "os/error.h"
#include "os/splice.h"

namespace leat {
namespace {

constexpr std::uint64_t smallest = 4096;

}  // namespace

Result<Pipe> PipePool::lease(std::uint64_t wanted) {
  // One that had to be smaller than asked for serves again: a new one would be no larger.
  const auto fits = [wanted](const Pipe& pipe) {
    return std::max(pipe.capacity, pipe.asked) >= wanted;
  };
  auto found = std::find_if(kept_.begin(), kept_.end(), fits);
  if (found == kept_.end()) {
    auto made = make(wanted);
    if (made || kept_.empty()) return made;
    found = kept_.end() - 1;  // a pipe that is too small still carries the bytes
  }
  Pipe pipe = std::move(*found);
  kept_.erase(found);
  return pipe;
}

Result<Pipe> PipePool::make(std::uint64_t wanted) {
  const std::uint64_t left = budget_bytes_ - std::min(budget_bytes_, capacity_bytes_);
  if (left < smallest) return os::make_error(ENOBUFS, "pipe budget");
  auto ends = os::make_pipe();
  if (!ends) return std::unexpected(ends.error());

  Pipe pipe{std::move(ends->read), std::move(ends->write), 0, wanted};
  // EPERM (pipe-max-size, the user's share) leaves the size as it is, which the user's share may
  // have made tiny without a word: so ask.
  // The kernel rounds up to a power of two pages, which the budget may not have.
  const std::uint64_t most = std::bit_floor(left);
  if (!os::set_pipe_capacity(pipe.write, std::min(wanted, most))) {
    [[maybe_unused]] const auto half = os::set_pipe_capacity(pipe.write, smallest * 16);
  }
  const auto capacity = os::pipe_capacity(pipe.write);
  if (!capacity) return std::unexpected(capacity.error());
  if (*capacity > left) return os::make_error(ENOBUFS, "pipe budget");
  pipe.capacity = *capacity;
  capacity_bytes_ += pipe.capacity;
  ++open_;
  return pipe;
}

void PipePool::give_back(Pipe pipe) noexcept {
  if (kept_.capacity() == 0) kept_.reserve(most_kept);
  if (kept_.size() == most_kept) return destroy(std::move(pipe));
  kept_.push_back(std::move(pipe));
}

void PipePool::destroy(Pipe pipe) noexcept { write_off(pipe); }

void PipePool::write_off(const Pipe& pipe) noexcept {
  capacity_bytes_ -= std::min(capacity_bytes_, pipe.capacity);
  open_ -= std::min<std::uint64_t>(open_, 1);
}

}  // namespace leat
