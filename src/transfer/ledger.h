// What goes into the receipt while a transfer runs.
#pragma once

#include <cstdint>
#include <string_view>

#include <leat/receipt.h>

#include "mechanism/mechanism.h"

namespace leat {

class Ledger {
 public:
  /// Counts what a pump step of `mechanism` did.
  void moved(Mechanism mechanism, const Moved& moved, Cost cost);
  void refused(Mechanism mechanism, const Moved& moved, std::uint64_t at);

  /// Takes over what was moved before.
  void carry_on(const Leg& leg) { legs_.push_back(leg); }

  const InlineList<Leg, 4>& legs() const { return legs_; }
  const InlineList<Refusal, 4>& refusals() const { return refusals_; }

 private:
  InlineList<Leg, 4> legs_;
  InlineList<Refusal, 4> refusals_;
};

}  // namespace leat
