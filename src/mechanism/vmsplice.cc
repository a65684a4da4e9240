#include <algorithm>
#include <climits>

#include "mechanism/errnos.h"
#include "mechanism/mechanism.h"
#include "mechanism/probe.h"
#include "mechanism/put.h"
#include "os/splice.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;

constexpr std::uint64_t default_pipe_bytes = 1 << 20;

// References to the pages of the memory go into a pipe: the sink, or a private one that is then
// spliced to a socket. Nothing ever tells that the kernel, or a reader, is done with them, so only
// pages that are never written again will do; unmapping them takes them from this process only.
class VmsplicePump final : public Pump {
 public:
  explicit VmsplicePump(std::uint64_t pipe_bytes) : pipe_bytes_(pipe_bytes) {}

  Moved step(const Passage& passage, const Allowance& allowance) override;
  Residue surrender(Resources& resources) override;

 private:
  Moved fill(const Passage& passage, std::uint64_t limit);
  Moved drain(const Passage& passage, Moved filled, const Allowance& allowance);

  std::uint64_t pipe_bytes_;
  Pipe pipe_;
  std::uint64_t held_ = 0;  // bytes in pipe_: those right after what was delivered
};

Moved ending_of(const Passage& passage, Moved moved, const Error& error) {
  moved.side = Moved::Side::sink;
  if (error.is(EAGAIN)) {
    moved.outcome = Outcome::wait_sink;
    return moved;
  }
  if (error.is(EPIPE)) passage.resources.sigpipe.raised();
  return ending_for(moved, error);
}

Moved into_sink(const Passage& passage, const Allowance& allowance) {
  Moved moved{.calls = 1};
  iovec cut{};
  const Batch batch = batch_of(passage.memory, std::min(allowance.take, allowance.deliver), cut);
  const auto given = os::vmsplice(passage.to, batch.pieces);
  if (!given) return ending_of(passage, moved, given.error());
  if (*given < batch.bytes) passage.resources.sigpipe.raised();
  moved.taken = moved.delivered = *given;
  return moved;
}

Moved VmsplicePump::fill(const Passage& passage, std::uint64_t limit) {
  Moved moved;
  if (!pipe_.valid()) {
    auto leased = passage.resources.pipes.lease(pipe_bytes_);
    if (!leased) return ending_for(moved, leased.error());
    pipe_ = std::move(*leased);
  }
  iovec cut{};
  const Batch batch = batch_of(passage.memory, limit, cut);
  const auto filled = os::vmsplice(pipe_.write, batch.pieces);
  moved.calls = 1;
  if (filled) {
    held_ = moved.taken = *filled;
    return moved;
  }
  // The private pipe is empty, so nothing could be waited for: it is only asked again.
  if (filled.error().is(EAGAIN)) return moved;
  return ending_for(moved, filled.error());
}

Moved VmsplicePump::drain(const Passage& passage, Moved moved, const Allowance& allowance) {
  const std::uint64_t count = std::min(held_, allowance.deliver);
  const bool more = allowance.more_follows && count == allowance.remaining;
  const auto drained = os::splice(pipe_.read, nullptr, passage.to, nullptr, count, more);
  ++moved.calls;
  if (!drained) return ending_of(passage, moved, drained.error());
  if (*drained < count) passage.resources.sigpipe.raised();
  held_ -= *drained;
  moved.delivered = *drained;
  moved.held_back = more && *drained > 0;
  if (*drained == 0) {  // no socket does this; should one, another way goes on
    moved.outcome = Outcome::refused;
    moved.operation = "splice";
  }
  return moved;
}

Moved VmsplicePump::step(const Passage& passage, const Allowance& allowance) {
  passage.resources.guard_sigpipe();
  if (passage.sink.kind == Kind::pipe) return into_sink(passage, allowance);
  Moved moved;
  if (held_ == 0) {
    moved = fill(passage, std::min(allowance.take, allowance.deliver));
    if (held_ == 0) return moved;
  }
  return drain(passage, moved, allowance);
}

Residue VmsplicePump::surrender(Resources& resources) {
  Residue residue{.bytes = held_};
  if (pipe_.valid() && held_ == 0) {
    resources.pipes.give_back(std::move(pipe_));
  } else {
    residue.pipe = std::move(pipe_);
  }
  held_ = 0;
  return residue;
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  if (source.kind != Kind::memory) return {false, "the source is not memory"};
  if (sink.kind != Kind::pipe && sink.kind != Kind::socket)
    return {false, "the sink is not a pipe or a socket: it would copy all the same"};
  if (source.tenure != MemoryTenure::never_reused)
    return {false,
            "the memory may be written again while its pages are still read: lend "
            "Buffer::pages"};
  const bool waits = sink.waiting == Waiting::flagged || sink.waiting == Waiting::polled;
  if (sink.kind == Kind::socket && waits)
    return {false, "descriptor is blocking: SPLICE_F_NONBLOCK covers only the pipe"};
  if (sink.kind == Kind::pipe) return {true, "hands references to the pages to the pipe"};
  return {true, "hands references to the pages to the socket through a private pipe"};
}

Cost cost(const SourceFacts&, const SinkFacts& sink) {
  return {.cpu_copies = 0, .if_pages_are_taken = sink.kind == Kind::socket};
}

std::string_view unavailable() { return verdict_of(os::vmsplice(FdRef(), {})); }

void start(PumpSlot& slot, const Tuning& tuning) {
  slot.emplace<VmsplicePump>(tuning.pipe_bytes ? tuning.pipe_bytes : default_pipe_bytes);
}

}  // namespace

namespace mechanisms {

extern const MechanismEntry vmsplice;
const MechanismEntry vmsplice = {
    .name = "vmsplice",
    .summary = "pages that are never written again to pipes and sockets by vmsplice(2)",
    .unavailable = unavailable,
    .fits = fits,
    .cost = cost,
    .start = start,
    .carries_more = true,
    .most_pieces = IOV_MAX,
};

}  // namespace mechanisms
}  // namespace leat
