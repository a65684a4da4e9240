#include <sys/uio.h>

#include <algorithm>
#include <climits>

#include "mechanism/errnos.h"
#include "mechanism/mechanism.h"
#include "mechanism/put.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;

// sendmsg(2), writev(2), pwritev(2): all pieces of memory at once, from where they lie.
class GatherPump final : public Pump {
 public:
  Moved step(const Passage& passage, const Allowance& allowance) override;
  Residue surrender(Resources&) override { return {}; }
};

Moved GatherPump::step(const Passage& passage, const Allowance& allowance) {
  Moved moved;
  const std::uint64_t limit = std::min(allowance.take, allowance.deliver);
  const std::size_t room = room_for(passage, limit);
  if (room == 0) {
    moved.outcome = Outcome::wait_sink;
    return moved;
  }
  iovec cut{};
  const Batch batch = batch_of(passage.memory, room, cut);
  const bool more = allowance.more_follows && batch.bytes == allowance.remaining;
  const auto written = put_pieces(passage, batch.pieces, more);
  moved.calls = 1;
  if (written) [[likely]] {
    if (*written < batch.bytes) passage.resources.sigpipe.raised();
    moved.taken = moved.delivered = *written;
    moved.held_back = more && *written > 0;
    return moved;
  }
  moved.side = Moved::Side::sink;
  if (written.error().is(EAGAIN)) {
    moved.outcome = Outcome::wait_sink;
    return moved;
  }
  if (written.error().is(EPIPE)) passage.resources.sigpipe.raised();
  return ending_for(moved, written.error());
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  if (source.kind != Kind::memory) return {false, "the source is not memory"};
  if (sink.kind == Kind::memory) return {false, "the sink is memory: that needs no call"};
  if (source.scattered) return {true, "writes all pieces of the memory in one call: one copy"};
  return {true, "writes the memory from where it lies: one copy"};
}

Cost cost(const SourceFacts&, const SinkFacts&) { return {.cpu_copies = 1}; }

std::string_view unavailable() { return {}; }

void start(PumpSlot& slot, const Tuning&) { slot.emplace<GatherPump>(); }

}  // namespace

namespace mechanisms {

extern const MechanismEntry gather;
const MechanismEntry gather = {
    .name = "gather",
    .summary = "pieces of memory together by sendmsg(2), writev(2) and pwritev(2)",
    .unavailable = unavailable,
    .fits = fits,
    .cost = cost,
    .start = start,
    .carries_more = true,
    .most_pieces = IOV_MAX,
};

}  // namespace mechanisms
}  // namespace leat
