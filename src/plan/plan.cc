#include <leat/plan.h>

#include "endpoint/hold.h"
#include "plan/needs.h"

namespace leat {
namespace {

const Source* first_part(const Source& source) {
  const auto parts = source.parts();
  if (parts.empty()) return &source;
  for (const Source& part : parts) {
    if (part.length() != 0) return &part;
  }
  return &parts.front();
}

// What transfer() does about a blocking descriptor before it begins.
Waiting after_start(Waiting found, Kind kind, bool owned, bool may_wait) {
  if (found == Waiting::never || owned) return Waiting::never;
  if (may_wait) return Waiting::allowed;
  return kind == Kind::pipe ? Waiting::never : found;  // a description of its own
}

}  // namespace

Mechanism Plan::chosen() const noexcept {
  for (const Candidate& candidate : candidates) {
    if (candidate.chosen) return candidate.mechanism;
  }
  return {};
}

Plan plan(const Source& source, const Sink& sink, const Options& options) {
  Plan plan;
  const Source& part = *first_part(source);
  auto source_facts = facts_of(part, false);
  auto sink_facts = facts_of(sink);
  if (!source_facts || !sink_facts) return plan;
  if (part.kind() == Kind::memory && !source.parts().empty()) {
    const auto parts = source.parts();
    join_run(*source_facts, parts, static_cast<std::size_t>(&part - parts.data()));
  }
  const bool waits = may_wait(options);
  source_facts->waiting = after_start(source_facts->waiting, part.kind(), part.owned(), waits);
  sink_facts->waiting = after_start(sink_facts->waiting, sink.kind(), sink.owned(), waits);

  Needs needs = needs_of(options, sink);
  if (needs.snapshot && part.kind() == Kind::file) {
    const HeldFile held = could_hold(part, sink);
    source_facts->hold = held.hold;
    source_facts->unheld = held.unheld;
  }
  needs.has_successor = source.parts().size() > 1 && &part != &source.parts().back();
  std::vector<Candidate> misfits;
  const Ranking order = preference(*source_facts, sink_facts->kind);
  for (std::size_t index = 0; index < order.count; ++index) {
    const Mechanism mechanism = order.order[index];
    const Fit fit = judge(mechanism, *source_facts, *sink_facts, needs);
    const Cost cost = MechanismAccess::entry(mechanism).cost(*source_facts, *sink_facts);
    auto& list = fit.fits ? plan.candidates : misfits;
    list.push_back({.mechanism = mechanism,
                    .fits = fit.fits,
                    .chosen = fit.fits && plan.candidates.empty(),
                    .reason = fit.reason,
                    .cpu_copies = fit.fits ? cost.cpu_copies : std::nullopt,
                    .seen = needs.witness && fit.fits
                                ? seen_by_witness(mechanism, *source_facts, *sink_facts)
                                : std::string_view()});
  }
  plan.candidates.insert(plan.candidates.end(), misfits.begin(), misfits.end());
  return plan;
}

}  // namespace leat
