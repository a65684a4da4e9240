#include "plan/plan.h"

#include <algorithm>
#include <span>
#include <utility>

namespace leat {
namespace {

Candidate candidate_of(Mechanism mechanism, const SourceFacts& source, const SinkFacts& sink,
                       const Needs& needs) {
  const MechanismEntry& entry = MechanismAccess::entry(mechanism);
  const Fit fit = judge(mechanism, source, sink, needs);
  Candidate candidate{.mechanism = mechanism,
                      .fits = fit.fits,
                      .chosen = false,
                      .reason = fit.reason,
                      .standing = {},
                      .cpu_copies = {},
                      .seen = {},
                      .expected = {}};
  if (!fit.fits) return candidate;
  candidate.cpu_copies = entry.cost(source, sink).cpu_copies;
  if (needs.witness) candidate.seen = seen_by_witness(mechanism, source, sink).how;
  if (needs.costs) candidate.expected = expected_cost(*needs.costs, mechanism, source, sink);
  return candidate;
}

bool is_compared(const Candidate& candidate, const SourceFacts& source, const SinkFacts& sink) {
  return candidate.expected && is_ordered_by_cost(candidate.mechanism, source, sink);
}

bool is_lent_first(const Candidate& first, const Needs& needs) {
  return needs.lends_first && MechanismAccess::entry(first.mechanism).lends;
}

// Why the first is the first.
std::string_view standing_of_first(std::span<const Candidate> fitting, const SourceFacts& source,
                                   const SinkFacts& sink, const Needs& needs) {
  if (needs.forced) return "it is forced";
  if (fitting.size() == 1) return "no other fits";
  const Candidate& first = fitting.front();
  if (is_lent_first(first, needs))
    return "the device takes pages as they lie: lent, until the kernel says that it copied";
  if (!first.expected) return "it comes first by its kind: it was not measured";
  if (!is_compared(first, source, sink))
    return "it comes first by its kind: its figures say nothing of these file systems";
  const bool compared = std::any_of(fitting.begin() + 1, fitting.end(), [&](const Candidate& each) {
    return is_compared(each, source, sink);
  });
  return compared ? "it costs least, or as little as any"
                  : "it comes first by its kind: no other was measured";
}

std::string_view standing_of_other(const Candidate& other, const Candidate& first,
                                   const SourceFacts& source, const SinkFacts& sink,
                                   const Needs& needs) {
  if (MechanismAccess::entry(other.mechanism).passes_by_the_cache)
    return "it passes by the page cache, which has to be asked for";
  if (!other.expected) return "it was not measured, and comes later by its kind";
  if (is_lent_first(first, needs)) return "what can be lent comes first";
  if (!first.expected) return "what comes first was not measured";
  if (!is_compared(first, source, sink)) return "what comes first is not compared by figures";
  return "it costs more, or as much";
}

void explain_order(Plan& plan, std::size_t fitting, const SourceFacts& source,
                   const SinkFacts& sink, const Needs& needs) {
  const auto list = std::span(plan.candidates).first(fitting);
  if (list.empty()) return;
  list.front().chosen = true;
  list.front().standing = standing_of_first(list, source, sink, needs);
  for (Candidate& other : list.subspan(1))
    other.standing = standing_of_other(other, list.front(), source, sink, needs);
}

}  // namespace

Mechanism Plan::chosen() const noexcept {
  for (const Candidate& candidate : candidates) {
    if (candidate.chosen) return candidate.mechanism;
  }
  return {};
}

Plan plan_from(const SourceFacts& source, const SinkFacts& sink, const Needs& needs) {
  Plan plan{
      .source = facts_as_text(source), .sink = facts_as_text(sink), .candidates = {}, .error = {}};
  const Ranking order = rank(source, sink, needs);
  for (std::size_t index = 0; index < order.count; ++index)
    plan.candidates.push_back(candidate_of(order.order[index], source, sink, needs));
  explain_order(plan, order.count, source, sink, needs);
  const Ranking all = preference(source, sink.kind);
  for (std::size_t index = 0; index < all.count; ++index) {
    Candidate candidate = candidate_of(all.order[index], source, sink, needs);
    if (!candidate.fits) plan.candidates.push_back(std::move(candidate));
  }
  if (order.count == 0) plan.error = nothing_left(source, sink, needs);
  return plan;
}

}  // namespace leat
