#include "os/splice.h"

#include <poll.h>

#include <algorithm>
#include <optional>

#include "mechanism/errnos.h"
#include "mechanism/mechanism.h"
#include "mechanism/probe.h"
#include "os/stream.h"
#include "os/tee.h"
#include "os/wait.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;

constexpr std::uint64_t default_pipe_bytes = 1 << 20;

// splice needs a pipe at one end. Where source or sink is one, a call moves the bytes directly;
// else they pass through a private pipe of the context, in pairs of calls.
class SplicePump final : public Pump {
 public:
  explicit SplicePump(std::uint64_t pipe_bytes) : pipe_bytes_(pipe_bytes) {}
  ~SplicePump() override = default;

  Moved step(const Passage& passage, const Allowance& allowance) override;
  Residue surrender(Resources& resources) override;

 private:
  Moved direct(const Passage& passage, const Allowance& allowance);
  Moved fill(const Passage& passage, const Allowance& allowance);
  Moved drain(const Passage& passage, Moved filled, const Allowance& allowance);
  Result<void> duplicate(Resources& resources);
  Result<void> show(const Passage& passage, std::uint64_t count);

  std::uint64_t pipe_bytes_;
  Pipe pipe_;
  std::uint64_t held_ = 0;  // bytes in pipe_
  Pipe twin_;               // for a witness: has the first `twins_` of them too
  std::uint64_t twins_ = 0;
};

// splice(2) does not say which side answered EAGAIN. A pipe counts slots and a socket memory, so
// only poll(2) can tell; if both look ready, something changed in between and the call is repeated.
Outcome side_to_wait_for(const Passage& passage) {
  if ((os::ready_events(passage.from, POLLIN) & (POLLIN | POLLHUP | POLLERR)) == 0)
    return Outcome::wait_source;
  if ((os::ready_events(passage.to, POLLOUT) & (POLLOUT | POLLERR | POLLHUP)) == 0)
    return Outcome::wait_sink;
  return Outcome::progress;
}

Moved ending_of(const Passage& passage, Moved moved, const Error& error, Moved::Side side) {
  moved.side = side;
  if (error.is(EPIPE)) passage.resources.sigpipe.raised();
  return ending_for(moved, error);
}

// With one call for both ends, what the error is tells whose it is, if anything does.
Moved::Side side_of(const Error& error, const Passage& passage) {
  if (error.is(EPIPE)) return Moved::Side::sink;
  if (!error.is(ECONNRESET)) return Moved::Side::unknown;
  return passage.source.kind == Kind::socket ? Moved::Side::source : Moved::Side::sink;
}

Moved SplicePump::direct(const Passage& passage, const Allowance& allowance) {
  Moved moved{.calls = 1};
  const std::uint64_t limit = std::min(allowance.take, allowance.deliver);
  const bool more = allowance.more_follows && limit == allowance.remaining;
  std::uint64_t from = passage.from_offset;
  std::uint64_t to = passage.to_offset;
  const bool from_offset = passage.source.kind == Kind::file && !passage.source.cursor;
  const bool to_offset = passage.sink.kind == Kind::file && !passage.sink.cursor;
  const auto spliced = os::splice(passage.from, from_offset ? &from : nullptr, passage.to,
                                  to_offset ? &to : nullptr, limit, more);
  if (spliced) [[likely]] {
    if (*spliced < limit) passage.resources.sigpipe.raised();
    moved.taken = moved.delivered = *spliced;
    moved.held_back = more && *spliced > 0;
    if (*spliced == 0) moved.outcome = Outcome::source_ended;
    return moved;
  }
  if (!spliced.error().is(EAGAIN))
    return ending_of(passage, moved, spliced.error(), side_of(spliced.error(), passage));
  moved.outcome =
      passage.source.kind == Kind::file ? Outcome::wait_sink : side_to_wait_for(passage);
  return moved;
}

Moved SplicePump::fill(const Passage& passage, const Allowance& allowance) {
  Moved moved;
  if (!pipe_.valid()) {
    auto leased = passage.resources.pipes.lease(pipe_bytes_);
    if (!leased) return ending_for(moved, leased.error());
    pipe_ = std::move(*leased);
  }
  std::uint64_t from = passage.from_offset;
  const bool from_offset = passage.source.kind == Kind::file && !passage.source.cursor;
  const auto filled =
      os::splice(passage.from, from_offset ? &from : nullptr, pipe_.write, nullptr,
                 std::min({allowance.take, allowance.deliver, pipe_.capacity}), false);
  moved.calls = 1;
  if (!filled) {
    if (!filled.error().is(EAGAIN))
      return ending_of(passage, moved, filled.error(), Moved::Side::source);
    moved.outcome = Outcome::wait_source;  // the private pipe is empty, so it cannot be full
    return moved;
  }
  held_ = moved.taken = *filled;
  if (*filled == 0) moved.outcome = Outcome::source_ended;
  return moved;
}

// The pages are referred to twice then: what the witness reads later is what was sent.
Result<void> SplicePump::duplicate(Resources& resources) {
  if (!twin_.valid()) {
    auto leased = resources.pipes.lease(pipe_.capacity);
    if (!leased) return std::unexpected(leased.error());
    twin_ = std::move(*leased);
  }
  const auto count = os::tee(pipe_.read, twin_.write, held_);
  if (!count) return std::unexpected(count.error());
  twins_ = *count;
  return {};
}

Result<void> SplicePump::show(const Passage& passage, std::uint64_t count) {
  Block block = passage.resources.blocks.lease(default_block_bytes);
  while (count > 0) {
    const std::size_t wanted = std::min<std::uint64_t>(count, block.bytes().size());
    const auto read = os::read(twin_.read, block.bytes().first(wanted));
    if (!read) return std::unexpected(read.error());
    (*passage.witness)(block.bytes().first(*read));
    twins_ -= *read;
    count -= *read;
  }
  passage.resources.blocks.give_back(std::move(block));
  return {};
}

Moved SplicePump::drain(const Passage& passage, Moved moved, const Allowance& allowance) {
  std::uint64_t to = passage.to_offset;
  const bool to_offset = passage.sink.kind == Kind::file && !passage.sink.cursor;
  if (passage.witness && twins_ == 0) {
    if (const auto done = duplicate(passage.resources); !done)
      return ending_for(moved, done.error());
  }
  const std::uint64_t count =
      std::min({held_, allowance.deliver, passage.witness ? twins_ : held_});
  const bool more = allowance.more_follows && count == allowance.remaining;
  const auto drained =
      os::splice(pipe_.read, nullptr, passage.to, to_offset ? &to : nullptr, count, more);
  ++moved.calls;
  if (!drained) {
    if (!drained.error().is(EAGAIN))
      return ending_of(passage, moved, drained.error(), Moved::Side::sink);
    moved.outcome = Outcome::wait_sink;
    return moved;
  }
  if (*drained < count) passage.resources.sigpipe.raised();
  held_ -= *drained;
  moved.delivered = *drained;
  if (passage.witness) {
    if (const auto shown = show(passage, *drained); !shown)
      return failing_for(moved, shown.error());
  }
  moved.held_back = more && *drained > 0;
  if (*drained == 0) {  // no sink that splices does this; should one, another way goes on
    moved.outcome = Outcome::refused;
    moved.operation = "splice";
  }
  return moved;
}

Moved SplicePump::step(const Passage& passage, const Allowance& allowance) {
  if (!passage.sink.regular) passage.resources.guard_sigpipe();
  const bool is_direct = passage.source.kind == Kind::pipe || passage.sink.kind == Kind::pipe;
  if (is_direct && !passage.witness) return direct(passage, allowance);
  Moved moved;
  if (held_ == 0) {
    moved = fill(passage, allowance);
    if (moved.outcome != Outcome::progress) return moved;
  }
  return drain(passage, moved, allowance);
}

Residue SplicePump::surrender(Resources& resources) {
  Residue residue{.bytes = held_};
  if (pipe_.valid() && held_ == 0) {
    resources.pipes.give_back(std::move(pipe_));
  } else {
    residue.pipe = std::move(pipe_);
  }
  if (twin_.valid()) {
    twins_ == 0 ? resources.pipes.give_back(std::move(twin_))
                : resources.pipes.destroy(std::move(twin_));
  }
  held_ = 0;
  return residue;
}

bool waits(Waiting waiting, Kind kind) {
  return waiting == Waiting::flagged || (waiting == Waiting::polled && kind != Kind::pipe);
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  if (source.kind == Kind::memory) return {false, "the source is memory: that is vmsplice(2)"};
  if (sink.kind == Kind::memory) return {false, "the sink is memory"};
  if (source.kind == Kind::device || sink.kind == Kind::device)
    return {false, "character devices seldom splice"};
  if (waits(source.waiting, source.kind) || waits(sink.waiting, sink.kind))
    return {false, "descriptor is blocking: SPLICE_F_NONBLOCK covers only the pipe"};
  if (sink.append) return {false, "splice(2) refuses a file opened with O_APPEND"};
  if (sink.kind == Kind::file)
    return {true, "moves pages through a pipe; the file copies them once"};
  if (source.kind == Kind::pipe || sink.kind == Kind::pipe)
    return {true, "moves references to pages from or to the pipe in one call, without copying"};
  return {true, "moves references to pages through a private pipe, without copying"};
}

Cost cost(const SourceFacts&, const SinkFacts& sink) {
  if (sink.kind == Kind::file) return {.cpu_copies = 1};
  return {.cpu_copies = 0, .if_pages_are_taken = sink.kind == Kind::socket};
}

std::string_view unavailable() {
  return verdict_of(os::splice(FdRef(), nullptr, FdRef(), nullptr, 1, false));
}

void start(PumpSlot& slot, const Tuning& tuning) {
  slot.emplace<SplicePump>(tuning.pipe_bytes ? tuning.pipe_bytes : default_pipe_bytes);
}

}  // namespace

namespace mechanisms {

extern const MechanismEntry splice;
const MechanismEntry splice = {
    .name = "splice",
    .summary = "between files, sockets and pipes by splice(2)",
    .unavailable = unavailable,
    .fits = fits,
    .cost = cost,
    .start = start,
    .carries_more = true,
    .cold_pages = ColdPages::wait,
    .shows_bytes = true,
};

}  // namespace mechanisms
}  // namespace leat
