#include <sys/mman.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>
#include <utility>

#include <liburing.h>

#include "os/block_reads.h"
#include "os/error.h"

namespace leat::app::os {
namespace {

/// Pages of its own: O_DIRECT wants them aligned.
class Pages {
 public:
  explicit Pages(std::size_t size)
      : size_(size),
        start_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() {
    if (valid()) ::munmap(start_, size_);
  }
  bool valid() const { return start_ != MAP_FAILED; }
  std::byte* start() const { return static_cast<std::byte*>(start_); }

 private:
  std::size_t size_;
  void* start_;
};

}  // namespace

struct RingReads::State {
  State(FdRef file_read, std::size_t block)
      : file(file_read), block_bytes(block), pages(block * depth) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    // Ends what is still in flight first: its buffers are about to go.
    if (opened) ::io_uring_queue_exit(&ring);
  }

  FdRef file;
  std::size_t block_bytes;
  Pages pages;
  io_uring ring{};
  bool opened = false;
  std::array<std::size_t, depth> expected{};  // bytes of the block that is in flight

  std::byte* buffer(std::size_t index) const { return pages.start() + index * block_bytes; }
  void prepare(std::size_t index, std::uint64_t offset, std::uint64_t end);
  Result<std::size_t> wait();
};

void RingReads::State::prepare(std::size_t index, std::uint64_t offset, std::uint64_t end) {
  io_uring_sqe* const entry = ::io_uring_get_sqe(&ring);
  assert(entry);  // there are as many as may be in flight
  expected[index] = static_cast<std::size_t>(std::min<std::uint64_t>(block_bytes, end - offset));
  ::io_uring_prep_read_fixed(entry, file.number(), buffer(index),
                             static_cast<unsigned>(expected[index]), offset,
                             static_cast<int>(index));
  ::io_uring_sqe_set_data64(entry, index);
}

/// The buffer whose block has come.
Result<std::size_t> RingReads::State::wait() {
  io_uring_cqe* completion = nullptr;
  const int failed = retry_interrupted([&] {
    const int result = ::io_uring_wait_cqe(&ring, &completion);
    if (result < 0) errno = -result;
    return result;
  });
  if (failed < 0) return make_error(-failed, "io_uring_enter");
  const auto index = static_cast<std::size_t>(::io_uring_cqe_get_data64(completion));
  const int result = completion->res;
  ::io_uring_cqe_seen(&ring, completion);
  if (result < 0) return make_error(-result, "read (io_uring)");
  if (static_cast<std::size_t>(result) != expected[index]) {
    return make_error(EIO, "read (io_uring)");
  }
  return index;
}

Result<RingReads> RingReads::create(FdRef file, std::size_t block_bytes) {
  auto state = std::make_unique<State>(file, block_bytes);
  if (!state->pages.valid()) return last_error("mmap");
  if (const int failed = ::io_uring_queue_init(depth, &state->ring, 0); failed < 0) {
    return make_error(-failed, "io_uring_setup");
  }
  state->opened = true;
  ::io_uring_ring_dontfork(&state->ring);
  std::array<iovec, depth> buffers{};
  for (std::size_t index = 0; index < depth; ++index) {
    buffers[index] = {.iov_base = state->buffer(index), .iov_len = block_bytes};
  }
  if (const int failed = ::io_uring_register_buffers(&state->ring, buffers.data(), depth);
      failed < 0) {
    return make_error(-failed, "io_uring_register (buffers; RLIMIT_MEMLOCK)");
  }
  return RingReads(state.release());
}

RingReads::RingReads(RingReads&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

RingReads::~RingReads() { delete state_; }

Result<void> RingReads::read(std::span<const std::uint64_t> offsets, std::uint64_t end,
                             const std::function<void(std::span<const std::byte>)>& see) {
  std::size_t next = std::min<std::size_t>(offsets.size(), depth);
  std::size_t in_flight = next;
  for (std::size_t index = 0; index < next; ++index) state_->prepare(index, offsets[index], end);
  while (in_flight > 0) {
    if (const int failed = ::io_uring_submit(&state_->ring); failed < 0) {
      return make_error(-failed, "io_uring_enter");
    }
    const auto index = state_->wait();
    if (!index) return std::unexpected(index.error());
    see({state_->buffer(*index), state_->expected[*index]});
    --in_flight;
    if (next == offsets.size()) continue;
    state_->prepare(*index, offsets[next++], end);
    ++in_flight;
  }
  return {};
}

}  // namespace leat::app::os
