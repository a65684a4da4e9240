#include "plan/plan.h"

#include <algorithm>
#include <span>
#include <utility>

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

// What only a plan that is read wants to know.
void add_route(Plan& plan, FdRef socket) {
  const auto route = os::route_of(socket);
  if (!route || route->device.empty()) return;
  std::string device = route->device;
  if (!route->driver.empty()) device += " (" + route->driver + ")";
  plan.sink.push_back({"device", route->loopback ? device + ", the peer is on this host" : device});
  if (route->takes_scattered_pages)
    plan.sink.push_back({"scattered pages", *route->takes_scattered_pages ? "taken" : "not taken"});
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

Plan plan(const Source& source, const Sink& sink, const Options& options, const Costs& costs) {
  const Source& part = *first_part(source);
  auto source_facts = facts_of(part, false, options.disk);
  auto sink_facts = facts_of(sink);
  if (!source_facts || !sink_facts) {
    Plan none;
    none.error = std::move(source_facts ? sink_facts.error() : source_facts.error());
    return none;
  }
  if (part.kind() == Kind::memory && !source.parts().empty()) {
    const auto parts = source.parts();
    join_run(*source_facts, parts, static_cast<std::size_t>(&part - parts.data()));
  }
  const bool waits = may_wait(options);
  source_facts->waiting = after_start(source_facts->waiting, part.kind(), part.owned(), waits);
  sink_facts->waiting = after_start(sink_facts->waiting, sink.kind(), sink.owned(), waits);

  Needs needs = needs_of(options, sink, costs);
  if (needs.snapshot && part.kind() == Kind::file) {
    const HeldFile held = could_hold(part, sink, options.disk);
    source_facts->hold = held.hold;
    source_facts->unheld = held.unheld;
  }
  needs.has_successor = source.parts().size() > 1 && &part != &source.parts().back();
  Plan plan = plan_from(*source_facts, *sink_facts, needs);
  if (sink.kind() == Kind::socket) add_route(plan, sink.fd());
  return plan;
}

}  // namespace leat
