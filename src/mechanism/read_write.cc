#include <poll.h>

#include <algorithm>
#include <cstring>

#include "mechanism/errnos.h"
#include "mechanism/mechanism.h"
#include "mechanism/patient_read.h"
#include "mechanism/put.h"
#include "os/error.h"
#include "os/file.h"
#include "os/stream.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;

std::span<const std::byte> bytes_of(const iovec& piece) {
  return {static_cast<const std::byte*>(piece.iov_base), piece.iov_len};
}

// The floor: it serves every pair. Bytes pass through a block of the context's pool, except that
// memory is written from where it lies and read to where it is wanted.
class ReadWritePump final : public Pump {
 public:
  explicit ReadWritePump(std::size_t block_bytes) : block_bytes_(block_bytes) {}

  Moved step(const Passage& passage, const Allowance& allowance) override;
  Residue surrender(Resources& resources) override;
  bool runnable() const override { return patient_ && patient_->runnable(); }

 private:
  Moved from_memory(const Passage& passage, const Allowance& allowance);
  Moved through_block(const Passage& passage, const Allowance& allowance);

  std::size_t block_bytes_;
  Block block_;
  std::size_t begin_ = 0;  // what the block holds
  std::size_t end_ = 0;
  std::unique_ptr<PatientRead> patient_;  // of a file that nobody can look into
};

Moved ended(Moved moved, const Error& error, Outcome if_full, Resources& resources) {
  if (error.is(EAGAIN)) {
    moved.outcome = if_full;
    return moved;
  }
  if (error.is(EPIPE)) resources.sigpipe.raised();
  moved.side = if_full == Outcome::wait_source ? Moved::Side::source : Moved::Side::sink;
  return failing_for(moved, error);
}

Result<std::uint64_t> take(const Passage& passage, std::span<std::byte> into) {
  if (would_wait(passage.source.waiting, passage.from, POLLIN))
    return std::unexpected(Error{.code = {EAGAIN, std::generic_category()},
                                 .operation = "poll",
                                 .mechanism = {},
                                 .subject = {},
                                 .hint = {}});
  switch (passage.source.kind) {
    case Kind::socket:
      return os::recv(passage.from, into, passage.source.waiting == Waiting::allowed);
    case Kind::file:
      if (!passage.source.cursor) return os::pread(passage.from, into, passage.from_offset);
      [[fallthrough]];
    default: return os::read(passage.from, into);
  }
}

// True if what was just read may be what somebody has written since the snapshot.
bool is_changed(const Passage& passage, std::uint64_t taken) {
  if (!passage.lease || passage.lease->holds()) [[likely]]
    return false;
  if (!passage.source.cursor) return true;
  // What is not counted as taken is to be found where it was.
  const auto cursor = os::cursor(passage.from);
  if (cursor) [[maybe_unused]]
    const auto ignored = os::move_cursor(passage.from, *cursor - taken);
  return true;
}

Moved ReadWritePump::from_memory(const Passage& passage, const Allowance& allowance) {
  Moved moved;
  if (passage.sink.kind == Kind::memory) {
    const auto from = bytes_of(passage.memory.front());
    const std::size_t count = std::min(from.size(), passage.room.size());
    std::memcpy(passage.room.data(), from.data(), count);
    moved.taken = moved.delivered = count;
    return moved;
  }
  const std::size_t room = room_for(passage, passage.memory.front().iov_len);
  if (room == 0) {
    moved.outcome = Outcome::wait_sink;
    return moved;
  }
  const bool more = allowance.more_follows && room == allowance.remaining;
  const auto written = put(passage, bytes_of(passage.memory.front()).first(room), more);
  moved.calls = 1;
  if (!written) return ended(moved, written.error(), Outcome::wait_sink, passage.resources);
  if (*written < room) passage.resources.sigpipe.raised();
  moved.taken = moved.delivered = *written;
  moved.held_back = more && *written > 0;
  return moved;
}

Moved ReadWritePump::through_block(const Passage& passage, const Allowance& allowance) {
  Moved moved;
  if (begin_ == end_) {
    if (!block_.valid()) block_ = passage.resources.blocks.lease(block_bytes_);
    const std::size_t wanted =
        std::min({std::uint64_t{block_bytes_}, allowance.take, allowance.deliver});
    const auto taken = take(passage, block_.bytes().first(wanted));
    moved.calls = 1;
    if (!taken) return ended(moved, taken.error(), Outcome::wait_source, passage.resources);
    if (*taken == 0) {
      moved.outcome = Outcome::source_ended;
      return moved;
    }
    if (is_changed(passage, *taken)) {
      moved.outcome = Outcome::source_changed;
      return moved;
    }
    begin_ = 0;
    end_ = moved.taken = *taken;
  }
  const auto held =
      block_.bytes().subspan(begin_, std::min<std::uint64_t>(end_ - begin_, allowance.deliver));
  const std::size_t room = room_for(passage, held.size());
  if (room == 0) {
    moved.outcome = Outcome::wait_sink;
    return moved;
  }
  const bool more = allowance.more_follows && room == allowance.remaining;
  const auto written = put(passage, held.first(room), more);
  ++moved.calls;
  if (!written) return ended(moved, written.error(), Outcome::wait_sink, passage.resources);
  if (*written < room) passage.resources.sigpipe.raised();
  if (passage.witness) (*passage.witness)(held.first(*written));
  begin_ += *written;
  moved.delivered = *written;
  moved.held_back = more && *written > 0;
  return moved;
}

bool is_unseen(const SourceFacts& source) {
  return source.residency == Residency::hidden || source.residency == Residency::uncached;
}

Moved ReadWritePump::step(const Passage& passage, const Allowance& allowance) {
  if (is_unseen(passage.source)) {
    if (!patient_) patient_ = std::make_unique<PatientRead>(block_bytes_);
    return patient_->step(passage, allowance);
  }
  if (passage.source.kind == Kind::memory) return from_memory(passage, allowance);
  if (passage.sink.kind != Kind::memory) return through_block(passage, allowance);
  const std::size_t count =
      std::min<std::uint64_t>(passage.room.size(), std::min(allowance.take, allowance.deliver));
  Moved moved{.calls = 1};
  const auto taken = take(passage, passage.room.first(count));
  if (!taken) return ended(moved, taken.error(), Outcome::wait_source, passage.resources);
  if (is_changed(passage, *taken)) {
    moved.outcome = Outcome::source_changed;
    return moved;
  }
  moved.taken = moved.delivered = *taken;
  if (*taken == 0) moved.outcome = Outcome::source_ended;
  return moved;
}

Residue ReadWritePump::surrender(Resources& resources) {
  if (patient_) patient_->surrender(resources);
  Residue residue{.bytes = end_ - begin_, .block = {}, .offset = begin_, .pipe = {}};
  if (residue.bytes == 0) {
    resources.blocks.give_back(std::move(block_));
  } else {
    residue.block = std::move(block_);
  }
  begin_ = end_ = 0;
  return residue;
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  if (source.kind == Kind::memory && sink.kind == Kind::memory)
    return {true, "copies memory to memory"};
  if (source.kind == Kind::memory) return {true, "writes the memory from where it lies: one copy"};
  if (sink.kind == Kind::memory) return {true, "reads to where the bytes are wanted: one copy"};
  return {true, "serves every pair, and copies each byte in and out of user memory"};
}

Cost cost(const SourceFacts& source, const SinkFacts& sink) {
  const bool in_memory = source.kind == Kind::memory || sink.kind == Kind::memory;
  return {.cpu_copies = in_memory ? 1 : 2};
}

Moved meaning_of(std::int64_t answer) {
  Moved moved{.calls = 1};
  if (answer >= 0) {
    moved.taken = moved.delivered = static_cast<std::uint64_t>(answer);
    return moved;
  }
  if (answer == -EAGAIN) {
    moved.outcome = Outcome::wait_sink;
    return moved;
  }
  moved.side = Moved::Side::sink;
  const auto failed = os::make_error(static_cast<int>(-answer), "send");
  return failing_for(moved, failed.error());
}

std::string_view unavailable() { return {}; }

void start(PumpSlot& slot, const Tuning& tuning) {
  slot.emplace<ReadWritePump>(tuning.block_bytes ? tuning.block_bytes : default_block_bytes);
}

}  // namespace

namespace mechanisms {

extern const MechanismEntry read_write;
const MechanismEntry read_write = {
    .name = "read_write",
    .summary = "any pair by read(2), write(2), recv(2) and send(2)",
    .unavailable = unavailable,
    .fits = fits,
    .cost = cost,
    .start = start,
    .carries_more = true,
    .cold_pages = ColdPages::never_wait,
    .asks_lease = true,
    .shows_bytes = true,
    .at_once = {.send = os::send_at_once, .meaning = meaning_of},
};

}  // namespace mechanisms
}  // namespace leat
