#include "explain/plan_format.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include "receipt_format.h"
#include "sizes.h"

namespace leat::app::explain {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t columns = 100;
constexpr std::size_t name_width = 18;

std::optional<std::uint64_t> whole_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::string fact_text(const Fact& fact) {
  if (fact.name == "kind") return fact.value;
  const auto bytes = fact.name == "length" ? whole_number(fact.value) : std::nullopt;
  return fmt::format("{}: {}", fact.name, bytes ? format_size(*bytes) : fact.value);
}

/// Words of `text`, each line but the first begun with `indent` blanks.
std::string wrapped(std::string_view text, std::size_t begun, std::size_t indent) {
  std::string result;
  std::size_t column = begun;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (column > indent && column + 1 + word.size() > columns) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

std::string end_line(std::string_view label, std::string_view name,
                     const std::vector<Fact>& facts) {
  std::string text = printable(std::string(name));
  for (const Fact& fact : facts) text += (&fact == facts.data() ? ": " : "; ") + fact_text(fact);
  constexpr std::size_t indent = 8;
  return fmt::format("{:<{}}{}\n", label, indent, wrapped(text, indent, indent));
}

std::string duration_text(double nanoseconds) {
  const double seconds = nanoseconds * 1e-9;
  if (seconds < 1e-3) return fmt::format("{:.3g} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} s", seconds);
}

std::string_view copies_text(std::uint32_t copies) {
  switch (copies) {
    case 0: return "no copy";
    case 1: return "1 copy";
    default: return "2 copies";
  }
}

/// "98 ms and 95 ms of CPU time expected, no copy: it costs least"
std::string standing_text(const Candidate& candidate) {
  std::string text;
  if (candidate.expected) {
    text = fmt::format("{} expected, {} of CPU time", duration_text(candidate.expected->wall_ns),
                       duration_text(candidate.expected->cpu_ns));
  }
  if (candidate.cpu_copies) {
    text += fmt::format("{}{}", text.empty() ? "" : "; ", copies_text(*candidate.cpu_copies));
  }
  return fmt::format("{}{}{}", text, text.empty() ? "" : "; ", candidate.standing);
}

std::string candidate_lines(const Candidate& candidate) {
  const std::string indent(name_width, ' ');
  const auto part = [](std::string_view text) { return wrapped(text, name_width, name_width); };
  const std::string label = fmt::format("{}{:<{}}", candidate.chosen ? "> " : "  ",
                                        candidate.mechanism.name(), name_width - 2);
  if (!candidate.fits) return fmt::format("{}{}\n", label, part(candidate.reason));
  std::string lines = fmt::format("{}{}\n{}{}\n", label, part(standing_text(candidate)), indent,
                                  part(candidate.reason));
  if (!candidate.seen.empty()) lines += indent + part(candidate.seen) + "\n";
  return lines;
}

Json facts_json(std::string_view name, const std::vector<Fact>& facts) {
  Json json{{"name", printable(std::string(name))}};
  for (const Fact& fact : facts) {
    const auto number = whole_number(fact.value);
    json[std::string(fact.name)] = number ? Json(*number) : Json(fact.value);
  }
  return json;
}

/// Per byte of what the figures are for: the length, or 64 MiB where nobody knows it.
Json per_byte(const Plan& plan, double nanoseconds) {
  constexpr double unknown = 64 << 20;
  double length = unknown;
  for (const Fact& fact : plan.source) {
    if (fact.name != "length") continue;
    if (const auto bytes = whole_number(fact.value)) length = static_cast<double>(*bytes);
  }
  return length > 0 ? Json(nanoseconds / length) : Json();
}

Json candidate_json(const Plan& plan, const Candidate& candidate) {
  const auto& expected = candidate.expected;
  return {
      {"mechanism", candidate.mechanism.name()},
      {"chosen", candidate.chosen},
      {"fits", candidate.fits},
      {"reason", candidate.reason},
      {"standing", candidate.standing.empty() ? Json() : Json(candidate.standing)},
      {"seen", candidate.seen.empty() ? Json() : Json(candidate.seen)},
      {"predicted_ns_per_byte", expected ? per_byte(plan, expected->wall_ns) : Json()},
      {"predicted_wall_ns", expected ? Json(expected->wall_ns) : Json()},
      {"predicted_cpu_ns", expected ? Json(expected->cpu_ns) : Json()},
      {"cpu_copies", candidate.cpu_copies ? Json(*candidate.cpu_copies) : Json()},
  };
}

}  // namespace

std::string plan_text(const Plan& plan, const Names& names) {
  std::string text = end_line("source", names.source, plan.source);
  text += end_line("sink", names.sink, plan.sink);
  const auto fits = [](const Candidate& each) { return each.fits; };
  const auto misfit = std::find_if_not(plan.candidates.begin(), plan.candidates.end(), fits);
  if (misfit == plan.candidates.begin()) {
    text += "\nNo mechanism fits";
    if (plan.error) text += ": " + plan.error->message();
    text += ".\n";
  } else {
    text += "\nTried in this order:\n";
  }
  for (auto each = plan.candidates.begin(); each != misfit; ++each) text += candidate_lines(*each);
  if (misfit != plan.candidates.end()) text += "\nDoes not fit:\n";
  for (auto each = misfit; each != plan.candidates.end(); ++each) text += candidate_lines(*each);
  return text + fmt::format("\n{}\n", wrapped(names.figures, 0, 0));
}

Json plan_json(const Plan& plan, const Names& names) {
  Json candidates = Json::array();
  for (const Candidate& each : plan.candidates) candidates.push_back(candidate_json(plan, each));
  return {{"source", facts_json(names.source, plan.source)},
          {"sink", facts_json(names.sink, plan.sink)},
          {"candidates", candidates},
          {"figures", names.figures},
          {"error", plan.error ? Json(plan.error->message()) : Json()}};
}

}  // namespace leat::app::explain
