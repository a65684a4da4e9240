#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "bench/page_parts.h"
#include "html/markup.h"

namespace leat::app::bench {
namespace {

std::string label_of(const Json& row) {
  return text_at(row, "name") + (flag_at(row, "repeat") ? " (2)" : "");
}

/// With its unit: "0.31 ns", "65.0 µs"; "–" for none.
std::string nanoseconds_text(const std::optional<double>& ns) {
  if (!ns) return "–";
  if (*ns < 0.9995) return fmt::format("{:.3f} ns", *ns);
  if (*ns < 1000) return html::short_figure(*ns) + " ns";
  return time_text(*ns * 1e-9);
}

html::BarChart bars_of(const Json& group) {
  html::BarChart chart{.title = fmt::format("Time, as a share of that of the first row: {}",
                                            text_at(group, "operation")),
                       .first_name = "wall time",
                       .second_name = "CPU time",
                       .unit = "",
                       .bars = {},
                       .mark = 1};
  const html::Estimate one{1, 1, 1};
  for (const Json& row : at(group, "rows")) {
    chart.bars.push_back({label_of(row), ratio_at(row, "wall_vs_first").value_or(one),
                          ratio_at(row, "cpu_vs_first").value_or(one),
                          nanoseconds_text(number_at(row, "wall_ns"))});
  }
  return chart;
}

html::Table times_of(const Json& group) {
  html::Table table{
      .columns = {"of one " + text_at(group, "operation"), "wall", "CPU", "wall ratio [95 %]",
                  "CPU ratio [95 %]", "heap, bytes", "allocations", "samples", "settled"},
      .rows = {}};
  for (const Json& row : at(group, "rows")) {
    table.rows.push_back(
        {label_of(row), nanoseconds_text(number_at(row, "wall_ns")),
         nanoseconds_text(number_at(row, "cpu_ns")), ratio_text(ratio_at(row, "wall_vs_first")),
         ratio_text(ratio_at(row, "cpu_vs_first")), count_text(number_at(row, "bytes_per_op")),
         count_text(number_at(row, "allocations_per_op")), count_text(number_at(row, "samples")),
         flag_at(row, "settled") ? "yes" : "NO"});
  }
  return table;
}

/// So many times the buffer.
double copies_of(const Json& group, const Json& row, const char* key) {
  const double size = number_at(group, "size").value_or(0);
  return size > 0 ? number_at(row, key).value_or(0) / size : 0;
}

html::BarChart copies_of(const Json& group) {
  html::BarChart chart{.title = "Memory that it adds, in copies of the buffer",
                       .first_name = "Pss of all processes",
                       .second_name = "RssAnon of all processes",
                       .unit = "",
                       .bars = {},
                       .mark = 0};
  for (const Json& row : at(group, "rows")) {
    const double pss = copies_of(group, row, "pss_bytes");
    const double anonymous = copies_of(group, row, "rss_anon_bytes");
    chart.bars.push_back({text_at(row, "name"),
                          {pss, pss, pss},
                          {anonymous, anonymous, anonymous},
                          bytes_text(number_at(row, "pss_bytes"))});
  }
  return chart;
}

/// True if each row has it.
bool all_have(const Json& group, const char* key) {
  for (const Json& row : at(group, "rows")) {
    if (!number_at(row, key)) return false;
  }
  return true;
}

html::Table bytes_of(const Json& group) {
  html::Table table{.columns = {"what it adds", "Pss", "RssAnon", "copies of the buffer",
                                "copied while it was sent"},
                    .rows = {}};
  for (const Json& row : at(group, "rows")) {
    table.rows.push_back({text_at(row, "name"), bytes_text(number_at(row, "pss_bytes")),
                          bytes_text(number_at(row, "rss_anon_bytes")),
                          count_text(number_at(row, "copies")),
                          bytes_text(number_at(row, "copied_bytes"))});
  }
  return table;
}

void add_limits(html::Page& page, const Json& group) {
  html::Table table{.columns = {"limit", "met"}, .rows = {}};
  for (const Json& limit : at(group, "limits")) {
    const char* verdict = !flag_at(limit, "settled") ? "noisy"
                          : flag_at(limit, "met")    ? "yes"
                                                     : "NO";
    table.rows.push_back({text_at(limit, "limit"), verdict});
  }
  if (!table.rows.empty()) page.add(table);
}

/// What stands below each group's figures.
void add_end(html::Page& page, const Json& group, const std::string& origin) {
  add_limits(page, group);
  page.origin(origin);
  for (const Json& absent : at(group, "absent")) {
    page.paragraph(
        fmt::format("No row for {}: {}.", text_at(absent, "name"), text_at(absent, "reason")));
  }
}

std::string flaw_of(const Json& groups, const char* figure) {
  for (const Json& group : groups) {
    if (text_at(group, "title").empty() || !at(group, "rows").is_array()) {
      return "a comparison has no \"title\" or no \"rows\"";
    }
    for (const Json& row : at(group, "rows")) {
      if (text_at(row, "name").empty() || !number_at(row, figure)) {
        return fmt::format("a row has no \"name\" or \"{}\"", figure);
      }
    }
  }
  return "";
}

}  // namespace

std::string flaw_of_memory(const Json& result) {
  if (at(result, "comparisons").empty()) return "has no comparisons";
  const std::string flaw = flaw_of(at(result, "comparisons"), "wall_ns");
  return flaw.empty() ? flaw_of(at(result, "memory_use"), "pss_bytes") : flaw;
}

void add_memory(html::Page& page, const Json& result) {
  const std::string origin = origin_of(result);
  for (const Json& group : at(result, "comparisons")) {
    page.heading(text_at(group, "title"));
    if (!at(group, "rows").empty()) {
      page.add(bars_of(group), origin);
      page.add(times_of(group));
    }
    add_end(page, group, origin);
  }
  for (const Json& group : at(result, "memory_use")) {
    page.heading(text_at(group, "title"));
    // Where processes share anonymous pages those would count twice.
    if (all_have(group, "rss_anon_bytes")) page.add(copies_of(group), origin);
    page.add(bytes_of(group));
    add_end(page, group, origin);
  }
}

}  // namespace leat::app::bench
