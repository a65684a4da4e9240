#include "bench/claims_verdict.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace leat::app::bench {

Band around(double figure) noexcept {
  constexpr double tolerance = 1.2;
  return {figure / tolerance, figure * tolerance};
}

std::string_view name_of(Agreement agreement) noexcept {
  switch (agreement) {
    case Agreement::agrees: return "agrees";
    case Agreement::below: return "below";
    case Agreement::above: return "above";
    case Agreement::not_told_apart: return "not_told_apart";
  }
  return "unknown";
}

Agreement compare_to(const Ratio& measured, const Band& claimed) noexcept {
  if (measured.high < claimed.low) return Agreement::below;
  if (measured.low > claimed.high) return Agreement::above;
  const bool inside = measured.low >= claimed.low && measured.high <= claimed.high;
  return inside ? Agreement::agrees : Agreement::not_told_apart;
}

Verdict judge(std::span<const Agreement> figures) noexcept {
  if (figures.empty()) return Verdict::not_measurable;
  const auto count = [&](Agreement agreement) {
    return static_cast<std::size_t>(std::count(figures.begin(), figures.end(), agreement));
  };
  const std::size_t agreeing = count(Agreement::agrees);
  const std::size_t differing = count(Agreement::below) + count(Agreement::above);
  if (agreeing > 0 && differing > 0) return Verdict::depends;
  if (agreeing + differing < figures.size()) return Verdict::not_told_apart;
  return agreeing > 0 ? Verdict::holds : Verdict::fails;
}

Verdict judge(const std::vector<NamedAgreement>& figures) {
  std::vector<Agreement> agreements;
  agreements.reserve(figures.size());
  for (const NamedAgreement& figure : figures) agreements.push_back(figure.agreement);
  return judge(std::span<const Agreement>(agreements));
}

std::string say(const std::vector<NamedAgreement>& figures, std::string_view below,
                std::string_view above) {
  const std::pair<Agreement, std::string_view> groups[] = {
      {Agreement::agrees, "as claimed"},
      {Agreement::below, below},
      {Agreement::above, above},
      {Agreement::not_told_apart, "undecided"}};
  std::string text;
  for (const auto& [agreement, words] : groups) {
    std::string names;
    for (const NamedAgreement& figure : figures) {
      if (figure.agreement != agreement) continue;
      names += (names.empty() ? "" : ", ") + figure.name;
    }
    if (names.empty()) continue;
    text += (text.empty() ? "" : "; ") + std::string(words) + ": " + names;
  }
  return text;
}

Preference prefer(const Ratio& cost) noexcept {
  if (cost.high < 1) return Preference::first;
  return cost.low > 1 ? Preference::second : Preference::tie;
}

Verdict judge_order(std::span<const Preference> pairs) noexcept {
  if (pairs.empty()) return Verdict::not_measurable;
  const auto count = [&](Preference preference) {
    return static_cast<std::size_t>(std::count(pairs.begin(), pairs.end(), preference));
  };
  if (count(Preference::second) > 0) return Verdict::fails;
  const std::size_t confirmed = count(Preference::first);
  if (confirmed == pairs.size()) return Verdict::holds;
  return confirmed > 0 ? Verdict::depends : Verdict::not_told_apart;
}

Verdict combine(std::span<const Verdict> conditions) noexcept {
  Verdict all = Verdict::not_measurable;
  for (const Verdict verdict : conditions) {
    if (verdict == Verdict::not_measurable || verdict == all) continue;
    if (all != Verdict::not_measurable) return Verdict::depends;
    all = verdict;
  }
  return all;
}

}  // namespace leat::app::bench
