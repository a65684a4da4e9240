#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "html/page.h"
#include "planner/calibrate.h"
#include "sizes.h"

namespace leat::app::planner {
namespace {

using Ends = std::pair<CostSource, CostSink>;

std::string ends_text(const Ends& ends) {
  return fmt::format("{} to {}",
                     ends.first == CostSource::cold_file ? "file, cold," : name_of(ends.first),
                     name_of(ends.second));
}

/// The measured figures of one pair and length, the cheapest first, as plans order them.
using Cells = std::map<std::pair<Ends, std::uint64_t>, std::vector<CostFigure>>;

Cells cells_of(const Costs& costs) {
  Cells cells;
  for (const CostFigure& figure : costs.figures())
    cells[{{figure.source, figure.sink}, figure.bytes}].push_back(figure);
  for (auto& [key, figures] : cells) {
    std::stable_sort(figures.begin(), figures.end(), [](const auto& a, const auto& b) {
      return a.wall_ns * a.cpu_ns < b.wall_ns * b.cpu_ns;
    });
  }
  return cells;
}

std::string duration(double nanoseconds) {
  if (nanoseconds < 1e6) return fmt::format("{:.3g} us", nanoseconds * 1e-3);
  return fmt::format("{:.3g} ms", nanoseconds * 1e-6);
}

/// "splice 98 ms", and of the others how many times as much: "sendfile x1.12".
std::string figure_text(const CostFigure& figure, const CostFigure& best) {
  if (&figure == &best)
    return fmt::format("{} {}", figure.mechanism.name(), duration(figure.wall_ns));
  const double times = std::sqrt(figure.wall_ns * figure.cpu_ns / (best.wall_ns * best.cpu_ns));
  return fmt::format("{} x{:.2f}", figure.mechanism.name(), times);
}

std::vector<html::Curve> curves_of(const Costs& costs, const Ends& ends) {
  std::map<std::string_view, html::Curve> curves;
  for (const CostFigure& figure : costs.figures()) {
    if (Ends{figure.source, figure.sink} != ends) continue;
    html::Curve& curve = curves[figure.mechanism.name()];
    curve.label = figure.mechanism.name();
    curve.points.emplace_back(static_cast<double>(figure.bytes),
                              figure.wall_ns / static_cast<double>(figure.bytes));
  }
  std::vector<html::Curve> list;
  for (auto& [name, curve] : curves) list.push_back(std::move(curve));
  return list;
}

std::vector<std::pair<double, std::string>> ticks_of(const Costs& costs, const Ends& ends) {
  std::vector<std::pair<double, std::string>> ticks;
  for (const auto& [key, figures] : cells_of(costs)) {
    if (key.first == ends)
      ticks.emplace_back(static_cast<double>(key.second), format_size(key.second));
  }
  return ticks;
}

std::string origin_of(const Costs& costs) {
  return fmt::format("leat calibrate; Linux {}; {}", costs.kernel, costs.cpu);
}

}  // namespace

std::string costs_table(const Costs& costs) {
  std::string text =
      fmt::format("{:<18} {:>9}  {}\n", "", "", "cheapest, then how many times as much");
  constexpr std::size_t shown = 3;
  Ends before{CostSource::socket, CostSink::file};
  for (const auto& [key, figures] : cells_of(costs)) {
    const auto& [ends, bytes] = key;
    std::string line =
        fmt::format("{:<18} {:>9} ", ends == before ? "" : ends_text(ends), format_size(bytes));
    for (std::size_t i = 0; i < std::min(shown, figures.size()); ++i)
      line += fmt::format(" {:<22}", figure_text(figures[i], figures.front()));
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    before = ends;
  }
  return text;
}

std::string costs_json(const Costs& costs) {
  nlohmann::ordered_json figures = nlohmann::ordered_json::array();
  for (const CostFigure& each : costs.figures()) {
    figures.push_back({{"source", name_of(each.source)},
                       {"sink", name_of(each.sink)},
                       {"mechanism", each.mechanism.name()},
                       {"bytes", each.bytes},
                       {"wall_ns", each.wall_ns},
                       {"cpu_ns", each.cpu_ns}});
  }
  const nlohmann::ordered_json json{
      {"kernel", costs.kernel}, {"cpu", costs.cpu}, {"figures", figures}};
  return json.dump() + "\n";
}

std::string costs_page(const Costs& costs) {
  html::Page page("What moving bytes costs here", origin_of(costs));
  page.paragraph(
      "Time for each byte of one transfer over its length, by each mechanism. Where two curves "
      "cross, leat's choice changes. File to file includes no wait for the disk.");
  Ends before{CostSource::socket, CostSink::file};
  bool first = true;
  for (const auto& [key, figures] : cells_of(costs)) {
    const Ends& ends = key.first;
    if (!first && ends == before) continue;
    before = ends;
    first = false;
    page.add(html::CurveChart{.title = ends_text(ends),
                              .x_name = "length of a transfer",
                              .y_name = "ns a byte",
                              .x_ticks = ticks_of(costs, ends),
                              .curves = curves_of(costs, ends)},
             origin_of(costs));
  }
  return page.render();
}

}  // namespace leat::app::planner
