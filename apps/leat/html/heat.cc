#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "html/charts.h"
#include "html/markup.h"

namespace leat::app::html {
namespace {

constexpr double label_width = 112;
constexpr double row_height = 17;
constexpr double head_height = 16;

/// From nothing at `calm` to full at `alarm`.
double strength(const HeatMap& map, double value) {
  return std::clamp((value - map.calm) / (map.alarm - map.calm), 0.0, 1.0);
}

std::string cell_marks(const HeatMap& map, const HeatCell& cell, double x, double y, double width) {
  const double middle = x + width / 2;
  const std::string words =
      fmt::format("<text{} x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>",
                  cell.counts ? "" : " class=\"faint\"", middle, y + 12, short_figure(cell.value));
  if (!cell.counts) return words;
  return fmt::format(
             "<rect class=\"f1\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" "
             "fill-opacity=\"{:.2f}\"/>",
             x + 0.5, y + 0.5, width - 1, row_height - 1, 0.06 + 0.74 * strength(map, cell.value)) +
         words;
}

}  // namespace

Drawing compose(const HeatMap& map) {
  Drawing drawing;
  const double width = (chart_width - label_width) /
                       static_cast<double>(std::max<std::size_t>(map.columns.size(), 1));
  for (std::size_t column = 0; column < map.columns.size(); ++column) {
    drawing.marks += fmt::format(
        "<text class=\"faint\" x=\"{:.1f}\" y=\"11\" text-anchor=\"middle\">{}</text>",
        label_width + width * (static_cast<double>(column) + 0.5), escape(map.columns[column]));
  }
  double y = head_height;
  for (const HeatRow& row : map.rows) {
    drawing.marks += fmt::format("<text x=\"0\" y=\"{:.1f}\">{}</text>", y + 12, escape(row.label));
    for (std::size_t column = 0; column < row.cells.size(); ++column) {
      if (!row.cells[column]) continue;
      const double x = label_width + width * static_cast<double>(column);
      drawing.marks += cell_marks(map, *row.cells[column], x, y, width);
    }
    y += row_height;
  }
  drawing.height = y;
  return drawing;
}

}  // namespace leat::app::html
