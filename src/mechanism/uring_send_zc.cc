#include <poll.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

#include "mechanism/errnos.h"
#include "mechanism/lend.h"
#include "mechanism/mechanism.h"
#include "os/error.h"
#include "os/wait.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;

// One send lends this much at most: the kernel's socket buffer bounds it anyway.
constexpr std::uint64_t most_lent_at_once = 1 << 20;
constexpr std::string_view one_piece = "IORING_OP_SEND_ZC";
constexpr std::string_view locked_memory =
    "IORING_OP_SEND_ZC (RLIMIT_MEMLOCK or memory is used up)";

// What the record of a send knows, for when the kernel has let go of the memory: by then neither
// pump nor transfer need be there.
struct Lending {
  os::RingOperation& record;

  Verdicts& verdicts() const { return *static_cast<Verdicts*>(record.who); }
  LentBudget& budget() const { return *static_cast<LentBudget*>(record.whose); }

  void begin(Resources& resources, std::uint64_t bytes) const {
    record.who = &resources.verdicts;
    record.whose = &resources.lent;
    record.what = resources.ticket_for_loans();
    record.number = bytes;
    record.on_finish = [](os::RingOperation& finished) { Lending{finished}.end(); };
    verdicts().lent(record.what, bytes);
    budget().lent += bytes;
    budget().on_ring += bytes;
  }
  // What the send did not take is not lent.
  void cut_to_result() const {
    const auto sent = static_cast<std::uint64_t>(std::max(record.result, 0));
    const std::uint64_t less = record.number - sent;
    record.number = sent;
    verdicts().lent(record.what, -less);  // the account is a sum
    budget().lent -= less;
    budget().on_ring -= less;
  }
  void end() const {
    cut_to_result();
    budget().lent -= record.number;
    budget().on_ring -= record.number;
    verdicts().released(record.what, record.number, record.copied);
  }
};

// send_zc and sendmsg_zc of io_uring(7): one at a time, as sends in flight together interleave.
// Each has an answer, and then, some time, a notification that the kernel has let go of the memory,
// which the record waits for and nobody else.
class UringSendZcPump final : public Pump {
 public:
  Moved step(const Passage& passage, const Allowance& allowance) override;
  Residue surrender(Resources& resources) override;
  bool runnable() const override {
    return uncounted_ > 0 || (operation_ && operation_->has_result());
  }
  Moved wind_down(Resources& resources) override;

 private:
  Moved send(const Passage& passage, const Allowance& allowance);
  Moved submit(const Passage& passage, std::span<const iovec> pieces);
  int take_answer(Resources& resources);
  Moved count(std::uint64_t limit);
  Moved ending_of(int error_number, std::string_view operation, const Passage& passage);
  Moved without_memory(const Resources& resources, int error_number, std::string_view operation);

  os::RingOperation* operation_ = nullptr;  // has no answer, or one that is not taken yet
  std::uint64_t uncounted_ = 0;             // sent, beyond what the last step was allowed
  std::uint64_t awaits_less_than_ = 0;      // lent on the ring, before it is worth another try
  std::uint64_t lent_at_submit_ = 0;        // by others
  bool more_ = false;
  bool full_ = false;  // the socket, by the last answer
};

Moved waiting_for_room() { return {.outcome = Outcome::wait_ring, .for_room = true}; }

// Of several: one that keeps them all.
Keeper together(std::span<Keeper> keepers) {
  if (keepers.size() == 1) return std::move(keepers.front());
  Kept<std::vector<Keeper>> all(std::in_place);
  all.keeper().count()->never_reused = std::ranges::all_of(keepers, &Keeper::is_never_reused);
  std::ranges::move(keepers, std::back_inserter(*all));
  return std::move(all).keeper();
}

Moved UringSendZcPump::step(const Passage& passage, const Allowance& allowance) {
  if (operation_) {
    if (!operation_->has_result()) return {.outcome = Outcome::wait_ring};
    const int result = take_answer(passage.resources);
    full_ = result == -EAGAIN;
    if (result <= 0 && !full_) return ending_of(-result, one_piece, passage);
  }
  if (uncounted_ > 0) return count(std::min(allowance.take, allowance.deliver));
  // Each try has a notification, which wakes whoever waits for the context: trying again at each
  // wake-up would go on for ever. Besides, the answer is as old as the last step, and a driver with
  // edge-triggered events may have seen the socket become writable since.
  constexpr short worth_a_try = POLLOUT | POLLERR | POLLHUP;
  if (full_ && (os::ready_events(passage.to, POLLOUT) & worth_a_try) == 0)
    return {.outcome = Outcome::wait_sink};
  return send(passage, allowance);
}

// The record stays until the notification; the next send does not wait for it.
int UringSendZcPump::take_answer(Resources& resources) {
  os::RingOperation& operation = *std::exchange(operation_, nullptr);
  const int result = operation.result;
  Lending{operation}.cut_to_result();
  resources.ring.end(operation);
  if (result > 0) uncounted_ = static_cast<std::uint64_t>(result);
  return result;
}

Moved UringSendZcPump::count(std::uint64_t limit) {
  const std::uint64_t counted = std::min(uncounted_, limit);
  uncounted_ -= counted;
  return {.taken = counted, .delivered = counted, .held_back = more_ && uncounted_ == 0};
}

Moved UringSendZcPump::send(const Passage& passage, const Allowance& allowance) {
  Resources& resources = passage.resources;
  if (awaits_less_than_ > 0 && resources.lent.on_ring >= awaits_less_than_)
    return waiting_for_room();
  awaits_less_than_ = 0;
  // Not more than the whole budget, which would never have room; one byte for want of any.
  const std::uint64_t limit = std::min({allowance.take, allowance.deliver, most_lent_at_once,
                                        std::max<std::uint64_t>(resources.lent.limit, 1)});
  const LentPieces pieces = lent_pieces(passage.memory, limit);
  if (!resources.lent.has_room_for(pieces.bytes)) {
    lent_at_submit_ = 0;
    return without_memory(resources, ENOBUFS,
                          "IORING_OP_SEND_ZC (ContextOptions::lent_budget_bytes is used up)");
  }
  const auto begun = resources.ring.begin();
  if (!begun) {
    // All records are in use: whatever finishes makes room.
    if (begun.error().is(EAGAIN) && resources.ring.in_flight() > 0) return waiting_for_room();
    return refused_to_lend(begun.error().code.value(), begun.error().operation);
  }
  operation_ = *begun;
  const bool tells = resources.ring.reports_copies();
  if (!tells && resources.copies_forbidden) {
    resources.ring.end(*std::exchange(operation_, nullptr));
    return refused_to_lend(EOPNOTSUPP,
                           "IORING_OP_SEND_ZC (before Linux 6.2 it does not say if it copied)");
  }
  more_ = allowance.more_follows && pieces.bytes == allowance.remaining;
  operation_->keeps = together(passage.keepers.first(pieces.count));
  lent_at_submit_ = resources.lent.on_ring;
  Lending{*operation_}.begin(resources, pieces.bytes);
  if (!tells) resources.verdicts.does_not_tell(resources.ticket);
  return submit(passage, pieces.all());
}

Moved UringSendZcPump::submit(const Passage& passage, std::span<const iovec> pieces) {
  os::Ring& ring = passage.resources.ring;
  if (pieces.size() == 1) {
    const std::span bytes(static_cast<const std::byte*>(pieces[0].iov_base), pieces[0].iov_len);
    ring.send_zero_copy(*operation_, passage.to, bytes, more_);
  } else {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    ring.sendmsg_zero_copy(*operation_, passage.to, message, more_);
  }
  const auto submitted = ring.submit();
  if (!operation_->has_result()) return {.calls = 1, .outcome = Outcome::wait_ring};
  // The kernel did not take it. EAGAIN and EBUSY say nothing about the socket: there is no room for
  // it now, or completions have to be reaped first.
  take_answer(passage.resources);
  if (submitted || submitted.error().is(EAGAIN) || submitted.error().is(EBUSY)) return {.calls = 1};
  return ending_for({.calls = 1}, submitted.error(), {EEXIST, ENXIO, EBADFD});
}

// What an answer without bytes means.
Moved UringSendZcPump::ending_of(int error_number, std::string_view operation,
                                 const Passage& passage) {
  switch (error_number) {
    case 0:
    case EINTR:
    case ECANCELED: return {};  // the engine bounds how often
    case ENOMEM:
    case ENOBUFS: return without_memory(passage.resources, error_number, locked_memory);
    default: break;
  }
  const auto error = os::make_error(error_number, operation);
  return ending_for({.side = Moved::Side::sink}, error.error());
}

// Sends whose memory is still lent give room back. Each try has a notification of its own, so less
// memory on the ring is the reason for another one. Some may have come back together with the
// answer.
Moved UringSendZcPump::without_memory(const Resources& resources, int error_number,
                                      std::string_view operation) {
  const std::uint64_t lent_then = std::exchange(lent_at_submit_, 0);
  if (resources.lent.on_ring < lent_then) return {};
  awaits_less_than_ = resources.lent.on_ring;
  if (awaits_less_than_ > 0) return waiting_for_room();
  return refused_to_lend(error_number, operation);
}

Residue UringSendZcPump::surrender(Resources& resources) {
  if (operation_) resources.ring.end(*std::exchange(operation_, nullptr));
  return {};
}

Moved UringSendZcPump::wind_down(Resources& resources) {
  if (operation_) {
    if (!operation_->has_result()) {
      resources.ring.cancel(*operation_);
      return {.outcome = Outcome::wait_ring};
    }
    take_answer(resources);
  }
  return count(uncounted_);
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  if (source.kind != Kind::memory) return {false, "the source is not memory"};
  if (sink.kind != Kind::socket || !sink.tcp) return {false, "the sink is not a TCP socket"};
  if (source.tenure == MemoryTenure::borrowed)
    return {false, "the kernel would read borrowed memory beyond the transfer: lend a Slice"};
  return {true, "lends the memory to the kernel, which may copy it after all and then says so"};
}

Cost cost(const SourceFacts&, const SinkFacts&) { return {}; }

std::string_view unavailable() { return os::ring_verdict(os::RingNeed::zero_copy_send); }

void start(PumpSlot& slot, const Tuning&) { slot.emplace<UringSendZcPump>(); }

}  // namespace

namespace mechanisms {

extern const MechanismEntry uring_send_zc;
const MechanismEntry uring_send_zc = {
    .name = "uring_send_zc",
    .summary = "memory that leat may keep to a TCP socket by io_uring's zero-copy send",
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
