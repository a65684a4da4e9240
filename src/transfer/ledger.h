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
  /// Where the kernel's verdicts on what `mechanism` lends are gathered; 0: nothing was lent.
  std::uint64_t ticket_of(Mechanism mechanism) const;
  void set_ticket(Mechanism mechanism, std::uint64_t ticket);
  void refused(Mechanism mechanism, const Moved& moved, std::uint64_t at);
  /// It was not tried at all; `reason` is static. Not told of what refused in this transfer.
  void passed_over(Mechanism mechanism, std::string_view reason, std::uint64_t at);

  /// Takes over what was moved before.
  void carry_on(const Leg& leg) { legs_.push_back(leg); }

  const InlineList<Leg, 4>& legs() const { return legs_; }
  /// True if some of the memory that was lent is not back yet.
  bool has_pending(const Verdicts& verdicts) const;
  bool has_copied(const Verdicts& verdicts) const;
  const InlineList<Refusal, 4>& refusals() const { return refusals_; }

 private:
  InlineList<Leg, 4> legs_;
  InlineList<Refusal, 4> refusals_;
};

/// Fills in what the kernel has said by now of lent memory; `pending` if something is still out.
void fill_in_verdict(Leg& leg, const Verdicts& verdicts);

}  // namespace leat
