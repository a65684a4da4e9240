#include "transfer/ledger.h"

#include <algorithm>

namespace leat {

void Ledger::moved(Mechanism mechanism, const Moved& moved, Cost cost) {
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
