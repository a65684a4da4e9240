#include <algorithm>

#include "mechanism/errnos.h"
#include "mechanism/mechanism.h"
#include "mechanism/probe.h"
#include "mechanism/put.h"
#include "os/descriptor.h"
#include "os/file.h"
#include "os/mapping.h"
#include "os/memory.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;

// Between 2 and 8 MiB nothing was to be gained; 1 MiB was slower (docs/mechanisms/mmap_write.md).
constexpr std::uint64_t window_bytes = 4 << 20;

// Sends a file from windows of it that are mapped one after the other. Memory behind the end of the
// file is the danger: up to the end of the page there are zeros, which a call sends like any bytes,
// and beyond it the call faults. So the size is asked for after each call, and nothing is sent that
// was not in the file when it was asked last.
class MmapWritePump final : public Pump {
 public:
  Moved step(const Passage& passage, const Allowance& allowance) override;
  Residue surrender(Resources&) override {
    window_.reset();
    return {};
  }

 private:
  bool covers(std::uint64_t position) const {
    return position >= window_at_ && position - window_at_ < window_.bytes().size();
  }
  Result<void> map_window(const Passage& passage, std::uint64_t position, std::uint64_t wanted);
  Result<void> look(const Passage& passage);
  Moved ended(const Passage& passage, Moved moved);
  Moved account(const Passage& passage, Moved moved, std::uint64_t position);
  Moved fail(const Passage& passage, Moved moved, std::uint64_t position, const Error& error);

  os::FileMapping window_;
  std::uint64_t window_at_ = 0;  // where in the file it begins
  std::uint64_t file_size_ = 0;  // when it was asked for last
};

Moved refused(Moved moved, const Error& error) {
  // No mapping of such files, or none more: other ways need none.
  return ending_for(moved, error, {ENODEV, EAGAIN, EOVERFLOW, EFAULT});
}

Result<void> MmapWritePump::look(const Passage& passage) {
  const auto stat = os::stat(passage.from);
  if (!stat) return std::unexpected(stat.error());
  file_size_ = stat->size;
  return {};
}

Result<void> MmapWritePump::map_window(const Passage& passage, std::uint64_t position,
                                       std::uint64_t wanted) {
  window_.reset();  // before the next one: two would need twice the memory
  window_at_ = position - position % os::page_bytes();
  const std::uint64_t length = position - window_at_ + std::min(wanted, window_bytes);
  auto mapped = os::map_file(passage.from, window_at_, length);
  if (!mapped) return std::unexpected(mapped.error());
  window_ = std::move(*mapped);
  // Only advice: whatever it answers, the bytes are the same.
  [[maybe_unused]] const auto unadvised = os::expect_sequential(window_);
  if (passage.sink.kind == Kind::file) {
    // write(2) into a file copies with page faults disabled, and handles each one the long way.
    [[maybe_unused]] const auto unpopulated = os::populate(window_);
  }
  return look(passage);
}

// A size of 0 may also be that of a file system that tells none; there reading finds the end.
Moved MmapWritePump::ended(const Passage& passage, Moved moved) {
  moved.outcome = Outcome::source_ended;
  if (file_size_ > 0) return moved;
  const auto system = os::file_system(passage.from);
  if (system && system->size_trust == os::SizeTrust::always) return moved;
  moved.outcome = Outcome::refused;
  moved.operation = "the source's file system does not tell its size";
  return moved;
}

Moved MmapWritePump::step(const Passage& passage, const Allowance& allowance) {
  Moved moved;
  const auto position =
      passage.source.cursor ? os::cursor(passage.from) : Result<std::uint64_t>(passage.from_offset);
  if (!position) return refused(moved, position.error());
  if (!covers(*position)) {
    if (const auto mapped = map_window(passage, *position, allowance.remaining); !mapped)
      return refused(moved, mapped.error());
  } else if (*position >= file_size_) {
    if (const auto looked = look(passage); !looked) return refused(moved, looked.error());
  }
  if (*position >= file_size_) return ended(passage, moved);

  const auto window = window_.bytes().subspan(*position - window_at_);
  const std::size_t held = std::min<std::uint64_t>(
      {window.size(), file_size_ - *position, allowance.take, allowance.deliver});
  const std::size_t room = room_for(passage, held);
  if (room == 0) {
    moved.outcome = Outcome::wait_sink;
    return moved;
  }
  const bool more = allowance.more_follows && room == allowance.remaining;
  const auto written = put(passage, window.first(room), more);
  moved.calls = 1;
  if (!written) return fail(passage, moved, *position, written.error());
  if (*written < room) passage.resources.sigpipe.raised();
  moved.taken = moved.delivered = *written;
  moved.held_back = more && *written > 0;
  return account(passage, moved, *position);
}

// What was sent from behind the end of the file were zeros, or bytes that it has no longer: the
// sink has them, but they do not make the transfer complete.
Moved MmapWritePump::account(const Passage& passage, Moved moved, std::uint64_t position) {
  const std::uint64_t now_at = position + moved.taken;
  if (passage.source.cursor) {
    if (const auto at = os::move_cursor(passage.from, now_at); !at)
      return failing_for(moved, at.error());
  }
  // Without an answer the bytes cannot be vouched for, and they have been sent.
  if (const auto looked = look(passage); !looked) return failing_for(moved, looked.error());
  if (now_at > file_size_) moved.outcome = Outcome::source_ended;
  return moved;
}

Moved MmapWritePump::fail(const Passage& passage, Moved moved, std::uint64_t position,
                          const Error& error) {
  if (error.is(EAGAIN)) {
    moved.outcome = Outcome::wait_sink;
    return moved;
  }
  if (error.is(EFAULT)) {
    // The file ends before this page; or the page cannot be read, and read(2) will say why.
    if (const auto looked = look(passage); !looked) return refused(moved, looked.error());
    if (position >= file_size_) return ended(passage, moved);
    moved.side = Moved::Side::source;
    return refused(moved, error);
  }
  if (error.is(EPIPE)) passage.resources.sigpipe.raised();
  moved.side = Moved::Side::sink;
  return refused(moved, error);
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  if (source.kind != Kind::file) return {false, "the source is not a file"};
  if (sink.kind == Kind::memory || sink.kind == Kind::device)
    return {false, "the sink is not a socket, pipe or file"};
  if (!source.true_size || source.promised == to_end)
    return {false, "where the source ends is not known, and behind it a mapping holds zeros"};
  return {true, "writes the file's page cache from a mapping: one copy"};
}

Cost cost(const SourceFacts&, const SinkFacts&) { return {.cpu_copies = 1}; }

std::string_view unavailable() { return verdict_of(os::map_file(FdRef(), 0, 1)); }

void start(PumpSlot& slot, const Tuning&) { slot.emplace<MmapWritePump>(); }

}  // namespace

namespace mechanisms {

extern const MechanismEntry mmap_write;
const MechanismEntry mmap_write = {
    .name = "mmap_write",
    .summary = "file to socket, pipe or file by mmap(2) and write(2) or send(2)",
    .unavailable = unavailable,
    .fits = fits,
    .cost = cost,
    .start = start,
    .carries_more = true,
};

}  // namespace mechanisms
}  // namespace leat
