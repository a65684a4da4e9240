#include "planner/regret_report.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "html/page.h"
#include "sizes.h"

namespace leat::app::planner {
namespace {

using Json = nlohmann::ordered_json;

std::string ratio_text(const bench::Ratio& ratio) {
  return fmt::format("{:.2f} [{:.2f}-{:.2f}]", ratio.ratio, ratio.low, ratio.high);
}

std::string short_length(std::uint64_t bytes) {
  if (bytes >= 1u << 20) return fmt::format("{}M", bytes >> 20);
  return fmt::format("{}K", bytes >> 10);
}

std::string line_of(const CellResult& result) {
  std::string remark =
      result.wall.best == result.picked ? "" : std::string(result.wall.best.name());
  if (result.cpu.best != result.wall.best)
    remark += fmt::format("{}CPU: {}", remark.empty() ? "" : ", ", result.cpu.best.name());
  return fmt::format(
      "{:<19} {:>5} {:<15} {:<17} {:<17} {:>4.0f}% {}\n", bench::describe(result.cell.pair),
      short_length(result.cell.size), result.picked.name(), ratio_text(result.wall.ratio),
      ratio_text(result.cpu.ratio), 100 * result.noise, result.counts() ? remark : "noisy");
}

std::string bound_line(std::string_view text, bool met) {
  return fmt::format("{:<4} {}\n", met ? "met" : "NOT", text);
}

std::string list_of(const std::vector<const CellResult*>& results) {
  std::string text;
  for (const CellResult* each : results) text += "       " + describe(each->cell) + "\n";
  return text;
}

std::string bounds_text(const std::vector<CellResult>& results) {
  const RegretSummary summary = summarize(results);
  std::string text = fmt::format(
      "\n{} of {} cells count: beside itself the choice scatters by at most {:.0f} % (the range of "
      "the\nmiddle half).\n",
      summary.counted, summary.cells, 100 * most_noise);
  text += bound_line(
      fmt::format("median regret at most {:.0f} %: wall {:.1f} %, CPU {:.1f} %",
                  100 * most_median_regret, 100 * summary.median_wall, 100 * summary.median_cpu),
      std::max(summary.median_wall, summary.median_cpu) <= most_median_regret);
  text +=
      bound_line("no interval wholly above 1.15 of the best mechanism", summary.above_best.empty());
  text += list_of(summary.above_best);
  text +=
      bound_line("no interval wholly above 1.05 of read_write", summary.above_read_write.empty());
  return text + list_of(summary.above_read_write);
}

Json ratio_json(const bench::Ratio& ratio) {
  return {{"ratio", ratio.ratio}, {"low", ratio.low}, {"high", ratio.high}};
}

Json ratio_json(const std::optional<bench::Ratio>& ratio) {
  return ratio ? ratio_json(*ratio) : Json();
}

Json regret_json(const Regret& regret) {
  Json json = ratio_json(regret.ratio);
  json["best"] = regret.best.name();
  return json;
}

Json cell_json(const CellResult& result) {
  Json rivals = Json::array();
  for (const Mechanism each : result.rivals) rivals.push_back(each.name());
  return {{"source", bench::name_of(result.cell.pair.source)},
          {"sink", bench::name_of(result.cell.pair.sink)},
          {"cache", bench::name_of(result.cell.pair.cache)},
          {"size", result.cell.size},
          {"picked", result.picked.name()},
          {"mechanisms", rivals},
          {"wall", regret_json(result.wall)},
          {"cpu", regret_json(result.cpu)},
          {"wall_to_read_write", ratio_json(result.wall_to_read_write)},
          {"cpu_to_read_write", ratio_json(result.cpu_to_read_write)},
          {"noise", result.noise},
          {"counts", result.counts()},
          {"rounds", result.rounds}};
}

/// One row a pair, one column a length.
html::HeatMap heat_of(const std::vector<CellResult>& results, std::string title,
                      Regret CellResult::* regret) {
  std::set<std::uint64_t> sizes;
  for (const CellResult& each : results) sizes.insert(each.cell.size);
  html::HeatMap map{
      .title = std::move(title), .columns = {}, .rows = {}, .calm = 1, .alarm = most_regret};
  std::map<std::uint64_t, std::size_t> columns;
  for (const std::uint64_t size : sizes) {
    columns[size] = map.columns.size();
    map.columns.push_back(short_length(size));
  }
  for (const CellResult& each : results) {
    const std::string label = bench::describe(each.cell.pair);
    auto row = std::find_if(map.rows.begin(), map.rows.end(),
                            [&](const html::HeatRow& one) { return one.label == label; });
    if (row == map.rows.end()) {
      row = map.rows.insert(
          row, {label, std::vector<std::optional<html::HeatCell>>(map.columns.size())});
    }
    row->cells[columns[each.cell.size]] = html::HeatCell{(each.*regret).ratio.ratio, each.counts()};
  }
  return map;
}

std::string origin_text(const bench::Origin& origin) {
  return fmt::format("{}; {}; {}, {} cores; {}", origin.command, origin.kernel, origin.cpu,
                     origin.cores, origin.compiler);
}

}  // namespace

std::string regret_table(const std::vector<CellResult>& results) {
  std::string text =
      fmt::format("{:<19} {:>5} {:<15} {:<17} {:<17} {:>5} {}\n", "", "", "picked",
                  "wall to the best", "CPU to the best", "noise", "the best, if another");
  for (const CellResult& each : results) text += line_of(each);
  return text + bounds_text(results);
}

std::string regret_json(const bench::Origin& origin, const std::vector<CellResult>& results) {
  const RegretSummary summary = summarize(results);
  Json cells = Json::array();
  for (const CellResult& each : results) cells.push_back(cell_json(each));
  const Json json{{"command", origin.command},
                  {"host",
                   {{"kernel", origin.kernel},
                    {"cpu", origin.cpu},
                    {"cores", origin.cores},
                    {"load", origin.load},
                    {"compiler", origin.compiler}}},
                  {"counted", summary.counted},
                  {"median_regret", {{"wall", summary.median_wall}, {"cpu", summary.median_cpu}}},
                  {"keeps_bounds", summary.keeps_bounds()},
                  {"cells", cells}};
  return json.dump() + "\n";
}

std::string regret_page(const bench::Origin& origin, const std::vector<CellResult>& results) {
  const std::string made = origin_text(origin);
  html::Page page("What leat's choice costs beside the best", made);
  page.paragraph(
      "Each cell: the time of leat's own choice, to that of the mechanism that was best in the "
      "other half of the rounds. 1.00 is as good as the best; darker is worse; pale figures are of "
      "cells too noisy to count.");
  page.add(heat_of(results, "Wall time", &CellResult::wall), made);
  page.add(heat_of(results, "CPU time", &CellResult::cpu), made);
  page.verbatim(regret_table(results));
  return page.render();
}

}  // namespace leat::app::planner
