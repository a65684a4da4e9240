#include "bench/report_cells.h"

#include <fmt/core.h>

#include "bench/summary.h"

namespace leat::app::bench {
namespace {

constexpr const char* request_format = "{:<19} {:>6} {:>6} {:>6}  {:<18} {:<18} {:<18}\n";

/// At most 6 columns.
std::string microseconds_cell(double seconds) {
  const double us = seconds * 1e6;
  return fmt::format("{:.{}f}", us, us < 9.995 ? 2 : us < 99.95 ? 1 : 0);
}

std::string request_row(const Row& row, const Summary& summary) {
  const bool is_baseline = row.role == Row::Role::baseline;
  return trimmed(
      fmt::format(fmt::runtime(request_format), row.label(),
                  microseconds_cell(summary.latency_p50_s.value_or(0)),
                  microseconds_cell(summary.latency_p99_s.value_or(0)),
                  microseconds_cell(summary.cpu_s), marked_cell(summary.wall, is_baseline),
                  marked_cell(summary.p99, is_baseline), marked_cell(summary.cpu, is_baseline)));
}

}  // namespace

std::string ratio_cell(const Ratio& ratio, bool is_baseline) {
  if (is_baseline) return "1";
  if (ratio.ratio < 0.005) return fmt::format("1/{:.0f}", 1 / ratio.ratio);
  if (ratio.high > 1e6) return fmt::format("{:.2f} [too few]", ratio.ratio);
  const int digits = ratio.high < 9.995 ? 2 : ratio.high < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} [{:.{}f}-{:.{}f}]", ratio.ratio, digits, ratio.low, digits,
                     ratio.high, digits);
}

std::string marked_cell(const Ratio& ratio, bool is_baseline) {
  const bool alike = !is_baseline && ratio.high <= 1e6 && !is_told_apart(ratio);
  return ratio_cell(ratio, is_baseline) + (alike ? " ~" : "");
}

std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(" \n") + 1);
  return line + "\n";
}

std::string wrapped(std::string_view sentence) {
  constexpr std::size_t columns = 100;
  constexpr std::string_view indent = "  ";
  std::string text;
  std::size_t room = columns;
  while (sentence.size() > room) {
    const std::size_t blank = sentence.rfind(' ', room);
    if (blank == std::string_view::npos) break;
    text += std::string(sentence.substr(0, blank)) + "\n" + std::string(indent);
    sentence.remove_prefix(blank + 1);
    room = columns - indent.size();
  }
  return text + std::string(sentence) + "\n";
}

std::string list_rows(std::string_view what, const std::vector<std::string>& names) {
  constexpr std::size_t columns = 100;
  std::string text;
  std::size_t begin = 0;  // of the last line
  for (const std::string& name : names) {
    if (text.empty()) {
      text = fmt::format("{}: {}", what, name);
    } else if (text.size() + 3 + name.size() - begin > columns) {
      text += ",\n";
      begin = text.size();
      text += "  " + name;
    } else {
      text += ", " + name;
    }
  }
  return text.empty() ? text : text + "\n";
}

std::string format_request_rows(const Series& series) {
  std::string text =
      trimmed(fmt::format(fmt::runtime(request_format), "microseconds", "p50", "p99", "cpu",
                          "p50 ratio [95 %]", "p99 ratio [95 %]", "cpu ratio [95 %]"));
  for (const Row& row : series.rows) text += request_row(row, summarize(series, row));
  return text;
}

std::string format_request_heading(const Series& series) {
  if (series.requests == 0) return {};
  return fmt::format(
      "request by request, {} a run, over one kept connection; who asks reads the answer, on the\n"
      "same processor; cpu: the mover's for one request, the wait for it included\n",
      series.requests);
}

std::string format_unsettled_p99(const Series& series) {
  std::vector<std::string> names;
  for (const Row& row : series.rows) {
    const bool compared = series.requests > 0 && row.role != Row::Role::baseline;
    if (compared && !summarize(series, row).p99_settled) names.push_back(row.label());
  }
  return list_rows("p99 has not settled and does not count", names);
}

}  // namespace leat::app::bench
