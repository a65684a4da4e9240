#include "support/plan_model.h"

#include <linux/magic.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>

namespace leat::testing {
namespace {

// Bytes as choices; zeros once they are used up.
class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  bool flag() { return (byte() & 1u) != 0; }
  template <class Enum>
  Enum one_of(Enum last) {
    return static_cast<Enum>(byte() % (static_cast<int>(last) + 1));
  }
  // Any order of magnitude, and near powers of two.
  std::uint64_t length() {
    const std::uint8_t width = byte();
    if (width >= 250) return to_end;
    return (1ull << width % 42) + byte() % 3 - 1;
  }
  bool empty() const { return bytes_.empty(); }

 private:
  std::span<const std::uint8_t> bytes_;
};

Volume volume_of(Choices& choices) {
  constexpr std::array<std::uint32_t, 4> types{0, TMPFS_MAGIC, EXT4_SUPER_MAGIC, 0x1234};
  return {.device = choices.byte() % 2u,
          .block_bytes = choices.flag() ? 4096u : 0u,
          .type = types[choices.byte() % types.size()],
          .shares_extents = choices.flag(),
          .copies_by_pages = choices.flag(),
          .has_several_devices = choices.flag()};
}

SourceFacts source_of(Choices& choices) {
  SourceFacts source{.kind = choices.one_of(Kind::device),
                     .tenure = choices.one_of(MemoryTenure::never_reused),
                     .scattered = choices.flag(),
                     .regular = choices.flag(),
                     .cursor = choices.flag(),
                     .owned = choices.flag(),
                     .true_size = choices.flag(),
                     .sparse = choices.flag(),
                     .cached = choices.one_of(Cached::mostly),
                     .waiting = choices.one_of(Waiting::allowed),
                     .promised = choices.length(),
                     .offset = choices.length(),
                     .size = choices.length(),
                     .volume = volume_of(choices),
                     .residency = choices.one_of(Residency::uncached),
                     .hold = choices.one_of(Hold::lease)};
  source.left = std::min(source.promised, choices.length());
  if (source.hold == Hold::none) source.unheld = "nothing keeps it as it is";
  if (source.offset == to_end) source.offset = 0;
  return source;
}

SinkFacts sink_of(Choices& choices) {
  SinkFacts sink{.kind = choices.one_of(Kind::device),
                 .regular = choices.flag(),
                 .cursor = choices.flag(),
                 .owned = choices.flag(),
                 .append = choices.flag(),
                 .tcp = choices.flag(),
                 .nodelay = choices.flag(),
                 .is_connection = choices.flag(),
                 .lendable = choices.flag(),
                 .keeps_holes = choices.flag(),
                 .waiting = choices.one_of(Waiting::allowed),
                 .offset = choices.length(),
                 .size = choices.length(),
                 .volume = volume_of(choices)};
  if (sink.offset == to_end) sink.offset = 0;
  return sink;
}

Needs needs_of(Choices& choices) {
  Needs needs;
  const std::size_t forced = choices.byte() % (2 * Mechanism::count());
  if (forced < Mechanism::count()) needs.forced = Mechanism::at(forced);
  needs.copies_forbidden = choices.flag();
  const std::uint8_t taken = choices.byte() % 3;
  if (taken < 2) needs.pages_are_taken = taken == 1;
  needs.snapshot = choices.flag();
  needs.witness = choices.flag();
  needs.lends_first = choices.flag();
  needs.has_successor = choices.flag();
  needs.closed_ways = choices.byte() | static_cast<std::uint32_t>(choices.byte()) << 8;
  if (choices.flag()) needs.closed_ways = 0;
  return needs;
}

std::vector<Mechanism> fitting(const Plan& plan) {
  std::vector<Mechanism> list;
  for (const Candidate& each : plan.candidates) {
    if (each.fits) list.push_back(each.mechanism);
  }
  return list;
}

std::vector<Mechanism> fitting(const PlanInput& input, const Needs& needs) {
  return fitting(plan_from(input.source, input.sink, needs));
}

bool holds(const std::vector<Mechanism>& list, Mechanism mechanism) {
  return std::find(list.begin(), list.end(), mechanism) != list.end();
}

bool is_subset(const std::vector<Mechanism>& part, const std::vector<Mechanism>& whole) {
  return std::all_of(part.begin(), part.end(), [&](Mechanism each) { return holds(whole, each); });
}

bool same(const Plan& one, const Plan& other) {
  return std::equal(one.candidates.begin(), one.candidates.end(), other.candidates.begin(),
                    other.candidates.end(), [](const Candidate& a, const Candidate& b) {
                      return a.mechanism == b.mechanism && a.fits == b.fits &&
                             a.chosen == b.chosen && a.reason == b.reason &&
                             a.standing == b.standing;
                    });
}

std::string broken_form(const Plan& plan) {
  if (plan.candidates.size() != Mechanism::count()) return "not every mechanism once";
  bool fits = true;
  std::vector<Mechanism> seen;
  for (const Candidate& each : plan.candidates) {
    if (holds(seen, each.mechanism)) return "a mechanism twice";
    seen.push_back(each.mechanism);
    if (each.fits && !fits) return "a misfit before one that fits";
    fits = each.fits;
    if (each.reason.empty()) return "no reason";
    if (each.fits == each.standing.empty()) return "a standing without fitting, or the reverse";
    if (each.chosen != (each.fits && &each == &plan.candidates.front()))
      return "not the first is chosen";
  }
  if (plan.chosen() !=
      (plan.candidates.front().fits ? plan.candidates.front().mechanism : Mechanism()))
    return "another is called the chosen one";
  const bool none = !plan.candidates.front().fits;
  if (none != plan.error.has_value()) return "nothing fits, and no error says so";
  return {};
}

std::string broken_wish(const PlanInput& input, const Plan& plan) {
  for (const Candidate& each : plan.candidates) {
    if (!each.fits) continue;
    if (input.needs.forced && each.mechanism != input.needs.forced) return "another than is forced";
    const MechanismEntry& entry = MechanismAccess::entry(each.mechanism);
    const bool closed =
        (input.needs.closed_ways >> MechanismAccess::index(each.mechanism) & 1u) != 0;
    if (closed && !input.needs.forced) return "one that refused before";
    if (!input.needs.copies_forbidden || entry.lends) continue;
    const Cost cost = entry.cost(input.source, input.sink);
    if (cost.cpu_copies != 0u) return "one that copies, though copies are forbidden";
    if (cost.if_pages_are_taken && input.needs.pages_are_taken != true)
      return "one that may copy, though copies are forbidden";
  }
  const bool is_unheld =
      input.needs.snapshot && input.source.kind == Kind::file && input.source.hold == Hold::none;
  if (plan.error && plan.error->is(Errc::no_snapshot) != is_unheld)
    return "no snapshot can be had, and the error says something else, or the reverse";
  if (plan.error && (input.needs.forced || input.needs.copies_forbidden || is_unheld) &&
      plan.error->hint.empty())
    return "what cannot be met is not said";
  return {};
}

// What a snapshot, a witness and a patient disk ask of each that fits.
std::string broken_care(const PlanInput& input, const Plan& plan) {
  const SourceFacts& source = input.source;
  const bool memory = source.kind == Kind::memory || input.sink.kind == Kind::memory;
  for (const Candidate& each : plan.candidates) {
    if (each.seen.empty() == (each.fits && input.needs.witness))
      return "it is not said how a witness sees the bytes, or is without one";
    if (!each.fits) continue;
    const MechanismEntry& entry = MechanismAccess::entry(each.mechanism);
    if (input.needs.snapshot && source.kind == Kind::file) {
      if (source.hold == Hold::none) return "a snapshot of what nothing keeps as it is";
      if (source.hold == Hold::lease && !entry.asks_lease) return "one that does not ask the lease";
    }
    if (input.needs.witness && !memory && !source.can_be_read_again() &&
        (!entry.shows_bytes || input.needs.copies_forbidden))
      return "one whose bytes nobody sees";
    if (source.residency == Residency::shown && entry.cold_pages == ColdPages::may_wait)
      return "one that may wait for the disk";
    if ((source.residency == Residency::hidden || source.residency == Residency::uncached) &&
        entry.cold_pages != ColdPages::never_wait)
      return "one that waits for the disk";
  }
  return {};
}

// What asks for less is met by no fewer mechanisms.
std::string broken_monotony(const PlanInput& input, const std::vector<Mechanism>& now) {
  Needs needs = input.needs;
  needs.copies_forbidden = false;
  if (!is_subset(now, fitting(input, needs))) return "allowing copies takes a mechanism away";
  needs = input.needs;
  needs.forced = {};
  needs.closed_ways = 0;
  if (!is_subset(now, fitting(input, needs))) return "forcing none takes a mechanism away";
  needs = input.needs;
  needs.has_successor = false;
  if (!is_subset(now, fitting(input, needs))) return "having no successor takes one away";
  needs = input.needs;
  needs.snapshot = false;
  if (!is_subset(now, fitting(input, needs))) return "asking for no snapshot takes one away";
  needs = input.needs;
  needs.witness = false;
  if (!is_subset(now, fitting(input, needs))) return "having no witness takes one away";
  needs = input.needs;
  needs.costs = nullptr;
  const auto without = fitting(input, needs);
  if (without.size() != now.size() || !is_subset(now, without)) return "costs change what fits";
  SinkFacts lendable = input.sink;
  lendable.lendable = true;
  if (!is_subset(now, fitting(plan_from(input.source, lendable, input.needs))))
    return "room to lend takes a mechanism away";
  SourceFacts unasked = input.source;
  unasked.residency = Residency::unasked;
  if (!is_subset(now, fitting(plan_from(unasked, input.sink, input.needs))))
    return "a disk that may wait takes a mechanism away";
  return {};
}

std::optional<double> figure_of(const Candidate& candidate) {
  if (!candidate.expected) return std::nullopt;
  return std::sqrt(candidate.expected->wall_ns * candidate.expected->cpu_ns);
}

// Sentences that speak of costs, against the costs. Up to 6 % count as equal.
std::string broken_standing(const PlanInput& input, const Plan& plan) {
  const Candidate& first = plan.candidates.front();
  const auto least = figure_of(first);
  const auto lending = Mechanism::named("zerocopy_send");
  for (const Candidate& each : plan.candidates) {
    if (!each.fits) break;
    if (input.needs.lends_first && each.mechanism == lending && !each.chosen)
      return "what is to be lent first comes later";
    const auto figure = figure_of(each);
    if (each.standing.contains("it was not measured") && figure)
      return "what was measured is said not to be";
    const bool speaks = each.standing.contains("it costs");
    if (speaks && (!figure || !least)) return "what was not measured is said to cost something";
    if (each.chosen || MechanismAccess::entry(each.mechanism).passes_by_the_cache) continue;
    if ((speaks || (figure && first.standing.contains("it costs"))) && *figure * 1.061 < *least)
      return "what costs less is said to cost more";
  }
  return {};
}

std::string broken_order(const PlanInput& input, const std::vector<Mechanism>& now) {
  Costs doubled;
  for (CostFigure figure : input.costs.figures()) {
    figure.wall_ns *= 2;
    figure.cpu_ns *= 2;
    doubled.add(figure);
  }
  Needs needs = input.needs;
  needs.costs = &doubled;
  if (fitting(input, needs) != now) return "the order depends on how fast the clock goes";
  SourceFacts other = input.source;
  other.promised = planned_length(other.promised);
  for (const Mechanism each : now) {
    const auto one = expected_cost(input.costs, each, input.source, input.sink);
    const auto two = expected_cost(input.costs, each, other, input.sink);
    if (input.source.promised != to_end && (one ? one->wall_ns : 0) != (two ? two->wall_ns : 0))
      return "a length is not planned as its class";
  }
  return {};
}

}  // namespace

PlanInput::PlanInput(std::span<const std::uint8_t> bytes) {
  Choices choices(bytes);
  source = source_of(choices);
  sink = sink_of(choices);
  needs = testing::needs_of(choices);
  needs.costs = &costs;
  while (!choices.empty()) {
    const Mechanism mechanism = Mechanism::at(choices.byte() % Mechanism::count());
    const double wall_ns = 1.0 + choices.byte() * 16.0;
    costs.add({choices.one_of(CostSource::socket), choices.one_of(CostSink::file), mechanism,
               choices.length(), wall_ns, 1.0 + choices.byte()});
  }
}

std::string broken_promise(const PlanInput& input) {
  const Plan plan = plan_from(input.source, input.sink, input.needs);
  if (!same(plan, plan_from(input.source, input.sink, input.needs))) return "not the same twice";
  if (auto broken = broken_form(plan); !broken.empty()) return broken;
  if (auto broken = broken_wish(input, plan); !broken.empty()) return broken;
  if (auto broken = broken_care(input, plan); !broken.empty()) return broken;
  if (auto broken = broken_standing(input, plan); !broken.empty()) return broken;
  const auto now = fitting(plan);
  if (auto broken = broken_monotony(input, now); !broken.empty()) return broken;
  return broken_order(input, now);
}

}  // namespace leat::testing
