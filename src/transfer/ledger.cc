#include "transfer/ledger.h"

#include <algorithm>

namespace leat {

void Ledger::moved(Mechanism mechanism, const Moved& moved, Cost cost) {
  const bool declined =
      moved.outcome == Moved::Outcome::too_little || moved.outcome == Moved::Outcome::refused;
  if (declined && moved.calls == 0 && moved.delivered == 0) return;  // it only looked at its bounds
  auto leg = std::find_if(legs_.begin(), legs_.end(),
                          [mechanism](const Leg& other) { return other.mechanism == mechanism; });
  if (leg == legs_.end()) {
    leg =
        &legs_.push_back({.mechanism = mechanism,
                          .known_by = cost.cpu_copies ? KnownBy::construction : KnownBy::unknown});
  }
  leg->bytes += moved.delivered;
  leg->calls += moved.calls;
  leg->cpu_copied_bytes += cost.cpu_copies.value_or(0) * moved.delivered;
}

std::uint64_t Ledger::ticket_of(Mechanism mechanism) const {
  for (const Leg& leg : legs_) {
    if (leg.mechanism == mechanism) return leg.ticket;
  }
  return 0;
}

void Ledger::set_ticket(Mechanism mechanism, std::uint64_t ticket) {
  for (Leg& leg : legs_) {
    if (leg.mechanism == mechanism) leg.ticket = ticket;
  }
}

void Ledger::passed_over(Mechanism mechanism, std::string_view reason, std::uint64_t at) {
  const bool told =
      std::any_of(refusals_.begin(), refusals_.end(),
                  [mechanism](const Refusal& other) { return other.mechanism == mechanism; });
  if (!told) refusals_.push_back({.mechanism = mechanism, .reason = reason, .at = at});
}

bool Ledger::has_pending(const Verdicts& verdicts) const {
  return std::any_of(legs_.begin(), legs_.end(), [&](const Leg& leg) {
    const Verdicts::Account* const account = verdicts.find(leg.ticket);
    return account && account->pending();
  });
}

bool Ledger::has_copied(const Verdicts& verdicts) const {
  return std::any_of(legs_.begin(), legs_.end(), [&](const Leg& leg) {
    const Verdicts::Account* const account = verdicts.find(leg.ticket);
    return account && account->copied > 0;
  });
}

void fill_in_verdict(Leg& leg, const Verdicts& verdicts) {
  if (leg.ticket == 0) return;
  const Verdicts::Account* const account = verdicts.find(leg.ticket);
  if (account && account->pending()) {
    leg.known_by = KnownBy::pending;
    return;
  }
  const bool told = account && account->tells;
  leg.known_by = told ? KnownBy::kernel : KnownBy::unknown;
  leg.cpu_copied_bytes = told ? account->copied : 0;
  leg.ticket = 0;
}

void Ledger::refused(Mechanism mechanism, const Moved& moved, std::uint64_t at) {
  auto known = std::find_if(refusals_.begin(), refusals_.end(), [&](const Refusal& other) {
    return other.mechanism == mechanism && other.error_number == moved.error_number;
  });
  if (known == refusals_.end()) {
    known = &refusals_.push_back({.mechanism = mechanism,
                                  .error_number = moved.error_number,
                                  .reason = moved.operation,
                                  .at = at});
  }
  ++known->count;
}

}  // namespace leat
