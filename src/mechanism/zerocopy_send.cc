#include <algorithm>
#include <array>

#include "mechanism/errnos.h"
#include "mechanism/lend.h"
#include "mechanism/mechanism.h"
#include "os/error_queue.h"
#include "os/socket.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;

// One call lends this much at most: the kernel's socket buffer bounds it anyway.
constexpr std::uint64_t most_lent_at_once = 1 << 20;

// sendmsg(2) with MSG_ZEROCOPY. The kernel reads the memory until the socket's error queue names
// the send; the connection's Loans keep it until then, beyond the end of the transfer.
class ZerocopySendPump final : public Pump {
 public:
  Moved step(const Passage& passage, const Allowance& allowance) override;
  Residue surrender(Resources&) override { return {}; }
};

Moved waiting(Outcome outcome) { return {.outcome = outcome}; }

Moved ZerocopySendPump::step(const Passage& passage, const Allowance& allowance) {
  Resources& resources = passage.resources;
  Loans& loans = *resources.loans;
  if (!loans.enabled) {
    const auto enabled = os::enable_zero_copy(passage.to);
    if (!enabled) return ending_for({.calls = 1}, enabled.error(), {ENOPROTOOPT});
    loans.enabled = true;
  }
  // Not more than the whole budget, which would never have room; one byte for want of any.
  const std::uint64_t limit = std::min({allowance.take, allowance.deliver, most_lent_at_once,
                                        std::max<std::uint64_t>(resources.lent.limit, 1)});
  const LentPieces pieces = lent_pieces(passage.memory, limit);
  if (!resources.lent.has_room_for(pieces.bytes)) {
    // Only what this socket has lent comes back through its own error queue.
    if (loans.outstanding() > 0) return waiting(Outcome::wait_release);
    return refused_to_lend(ENOBUFS, "sendmsg (ContextOptions::lent_budget_bytes is used up)");
  }

  const bool more = allowance.more_follows && pieces.bytes == allowance.remaining;
  loans.note(passage.keepers.first(pieces.count), pieces.bytes, resources.ticket_for_loans());
  const auto sent =
      os::send_zero_copy(passage.to, std::span(pieces.list).first(pieces.count),
                         {.wait = passage.sink.waiting == Waiting::allowed, .more_follows = more});
  Moved moved{.calls = 1};
  if (sent && *sent > 0) {
    loans.sent(*sent);
    moved.taken = moved.delivered = *sent;
    moved.held_back = more;
    return moved;
  }
  loans.undo();
  if (!sent && sent.error().is(EAGAIN)) return {.calls = 1, .outcome = Outcome::wait_sink};
  if (!sent && sent.error().is(ENOBUFS)) {
    // optmem_max, or locked memory, is used up: what is outstanding will make room.
    if (loans.outstanding() > 0) return {.calls = 1, .outcome = Outcome::wait_release};
    return ending_for(moved, sent.error());
  }
  if (!sent) {
    moved.side = Moved::Side::sink;
    return ending_for(moved, sent.error());
  }
  return moved;
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  if (source.kind != Kind::memory) return {false, "the source is not memory"};
  if (sink.kind != Kind::socket || !sink.tcp) return {false, "the sink is not a TCP socket"};
  if (source.tenure == MemoryTenure::borrowed)
    return {false, "the kernel would read borrowed memory beyond the transfer: lend a Slice"};
  if (!sink.is_connection)
    return {false, "the numbers of its sends live in the socket: it needs a Connection"};
  if (!sink.lendable)
    return {false, "the Connection borrows its socket, or others have sent by MSG_ZEROCOPY on it"};
  return {true, "lends the memory to the kernel, which may copy it after all and then says so"};
}

Cost cost(const SourceFacts&, const SinkFacts&) { return {}; }

std::string_view unavailable() { return os::zero_copy_verdict(); }

void start(PumpSlot& slot, const Tuning&) { slot.emplace<ZerocopySendPump>(); }

}  // namespace

namespace mechanisms {

extern const MechanismEntry zerocopy_send;
const MechanismEntry zerocopy_send = {
    .name = "zerocopy_send",
    .summary = "memory that leat may keep to a TCP connection by sendmsg(2) with MSG_ZEROCOPY",
    .unavailable = unavailable,
    .fits = fits,
    .cost = cost,
    .start = start,
    .carries_more = true,
    .lends = true,
    .most_pieces = LentPieces::most,
};

}  // namespace mechanisms
}  // namespace leat
