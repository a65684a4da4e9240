#include <string>

#include <fmt/format.h>

#include "bench/page_parts.h"
#include "html/markup.h"

namespace leat::app::bench {
namespace {

html::BarChart bars_of_group(const Json& group) {
  const Json& rows = at(group, "rows");
  const std::string own = rows.empty() ? "leat" : text_at(rows.front(), "name");
  html::BarChart chart{.title = fmt::format("Time, as a share of {}'s", own),
                       .first_name = "wall time",
                       .second_name = "CPU time of all its processes",
                       .unit = "",
                       .bars = {},
                       .mark = 1};
  const html::Estimate one{1, 1, 1};
  for (const Json& row : rows) {
    chart.bars.push_back(
        {text_at(row, "name"), ratio_at(row, "wall_vs_leat").value_or(one),
         ratio_at(row, "cpu_vs_leat").value_or(one),
         fmt::format("{} s, CPU {} s{}", html::short_figure(number_at(row, "wall_s").value_or(0)),
                     html::short_figure(number_at(row, "cpu_s").value_or(0)),
                     flag_at(row, "settled") ? "" : ", not settled")});
  }
  return chart;
}

html::Table table_of_group(const Json& group) {
  html::Table table{.columns = {"program", "wall s", "CPU s", "wall ratio [95 %]",
                                "CPU ratio [95 %]", "runs", "settled"},
                    .rows = {}};
  for (const Json& row : at(group, "rows")) {
    table.rows.push_back(
        {text_at(row, "name"), seconds_text(number_at(row, "wall_s")),
         seconds_text(number_at(row, "cpu_s")), ratio_text(ratio_at(row, "wall_vs_leat")),
         ratio_text(ratio_at(row, "cpu_vs_leat")), count_text(number_at(row, "runs")),
         flag_at(row, "settled") ? "yes" : "NO"});
  }
  return table;
}

}  // namespace

std::string flaw_of_peers(const Json& result) {
  for (const Json& group : at(result, "groups")) {
    if (text_at(group, "title").empty() || !at(group, "rows").is_array()) {
      return "a group has no \"title\" or no \"rows\"";
    }
    for (const Json& row : at(group, "rows")) {
      const bool whole =
          !text_at(row, "name").empty() && number_at(row, "wall_s") && number_at(row, "cpu_s");
      if (!whole) return "a row has no \"name\", \"wall_s\" or \"cpu_s\"";
    }
  }
  return at(result, "groups").empty() ? "has no groups" : "";
}

void add_peers(html::Page& page, const Json& result) {
  const std::string origin = origin_of(result);
  for (const Json& group : at(result, "groups")) {
    page.heading(text_at(group, "title"));
    page.add(bars_of_group(group), origin);
    page.add(table_of_group(group));
    for (const auto& [name, problem] : at(group, "failed").items()) {
      page.paragraph(fmt::format("{} failed: {}", name,
                                 problem.is_string() ? problem.get<std::string>() : "no reason"));
    }
    page.origin(origin);
  }
  std::string versions;
  for (const Json& line : at(result, "versions")) {
    if (line.is_string()) versions += line.get<std::string>() + "\n";
  }
  if (versions.empty()) return;
  page.open_fold("Versions of the programs");
  page.verbatim(versions);
  page.close_fold();
}

}  // namespace leat::app::bench
