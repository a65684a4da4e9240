#include "bench/claims_orders.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "bench/claims_text.h"
#include "bench/claims_textbook.h"
#include "bench/claims_verdict.h"

namespace leat::app::bench {
namespace {

using Json = nlohmann::ordered_json;

const Contender* find(const Condition& condition, std::string_view mechanism) {
  const auto found =
      std::find_if(condition.contenders.begin(), condition.contenders.end(),
                   [&](const Contender& contender) { return contender.mechanism == mechanism; });
  return found == condition.contenders.end() ? nullptr : &*found;
}

Ratio cost_of(const Contender& one, const Contender& other) {
  return paired_ratio(one.costs, other.costs);
}

/// "splice = sendfile, mmap+write, direct I/O": the best first, ties between neighbours by "=".
std::string measured_order(const Condition& condition) {
  std::vector<const Contender*> order;
  order.reserve(condition.contenders.size());
  for (const Contender& contender : condition.contenders) order.push_back(&contender);
  const Contender& baseline = condition.contenders.front();
  std::stable_sort(order.begin(), order.end(), [&](const Contender* one, const Contender* other) {
    return cost_of(*one, baseline).ratio < cost_of(*other, baseline).ratio;
  });
  std::string text;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0) {
      text += prefer(cost_of(*order[i - 1], *order[i])) == Preference::tie ? " = " : ", ";
    }
    text += textbook_name(order[i]->mechanism);
  }
  return text;
}

struct Finding {
  Verdict verdict = Verdict::not_measurable;
  std::vector<std::string> reversed;  ///< pairs, by name
  std::vector<std::string> tied;
  Json figures;
};

Finding look_at(const Condition& condition, std::span<const std::string_view> claimed) {
  Finding finding;
  std::vector<Preference> pairs;
  Json rows = Json::array();
  for (std::size_t i = 0; i < claimed.size(); ++i) {
    const Contender* better = find(condition, claimed[i]);
    for (std::size_t j = i + 1; better && j < claimed.size(); ++j) {
      const Contender* worse = find(condition, claimed[j]);
      if (!worse) continue;
      const Ratio cost = cost_of(*better, *worse);
      pairs.push_back(prefer(cost));
      const auto names = [&](std::size_t one, std::size_t other, std::string_view between) {
        return fmt::format("{} {} {}", textbook_name(claimed[one]), between,
                           textbook_name(claimed[other]));
      };
      if (pairs.back() == Preference::second) finding.reversed.push_back(names(j, i, "before"));
      if (pairs.back() == Preference::tie) finding.tied.push_back(names(i, j, "and"));
      rows.push_back(
          {{"claimed_better", claimed[i]}, {"than", claimed[j]}, {"cost", ratio_json(cost)}});
    }
  }
  finding.verdict = judge_order(pairs);
  finding.figures = {{"condition", condition.name},
                     {"verdict", name_of(finding.verdict)},
                     {"runs", condition.contenders.front().costs.size()},
                     {"measured", measured_order(condition)},
                     {"pairs", rows}};
  return finding;
}

std::string describe_finding(const Finding& finding) {
  std::string text;
  if (!finding.reversed.empty()) {
    text = "the other way round: " + join(finding.reversed, ", ");
  }
  if (!finding.tied.empty()) {
    text += (text.empty() ? "" : "; ") + std::string("not told apart: ") + join(finding.tied, ", ");
  }
  return text.empty() ? "as claimed" : text;
}

}  // namespace

Condition condition_of(std::string name, const Series& series, double (*value)(const Sample&)) {
  Condition condition{std::move(name), {}};
  for (const Row& row : series.rows) {
    if (row.role != Row::Role::baseline && row.role != Row::Role::mechanism) continue;
    condition.contenders.push_back({row.name(), costs_of(row, value)});
  }
  return condition;
}

Claim answer_order(int number, std::span<const std::string_view> claimed,
                   const std::vector<Condition>& conditions) {
  Claim claim = unanswered(number);
  std::vector<Verdict> verdicts;
  Json list = Json::array();
  std::vector<std::string> here;
  std::vector<std::string> why;
  for (const Condition& condition : conditions) {
    if (condition.contenders.empty()) continue;
    const Finding finding = look_at(condition, claimed);
    verdicts.push_back(finding.verdict);
    list.push_back(finding.figures);
    here.push_back(fmt::format("{}: {}", condition.name, measured_order(condition)));
    why.push_back(fmt::format("{}: {}", condition.name, describe_finding(finding)));
  }
  claim.verdict = combine(verdicts);
  claim.here = join(here, "; ");
  claim.why = join(why, ". ") + ". RDMA: no such hardware here";
  claim.figures["conditions"] = list;
  return claim;
}

}  // namespace leat::app::bench
