#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "html/charts.h"
#include "html/markup.h"

namespace leat::app::html {
namespace {

constexpr double figure_width = 118;  // right of the bars
constexpr double bar_height = 9;
constexpr double letter_width = 5.9;  // of the widest usual fonts
constexpr double legend_line = 16;
constexpr double longest_in_marks = 4;

std::string text(double x, double y, std::string_view words, std::string_view rest = {}) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{}{}>{}</text>", x, y, rest.empty() ? "" : " ",
                     rest, escape(words));
}

std::string bar(double x, double y, double length, std::size_t colour) {
  return fmt::format(
      "<rect class=\"f{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.0f}\"/>", colour,
      x, y, std::max(length, 0.0), bar_height);
}

/// What the width of the chart stands for.
double longest(const BarChart& chart) {
  double most = chart.mark;
  for (const BarPair& pair : chart.bars)
    most = std::max({most, pair.first.high, pair.second.high, pair.first.value, pair.second.value});
  if (chart.mark > 0) most = std::min(most, longest_in_marks * chart.mark);
  return most > 0 ? most : 1;
}

std::string whisker(double y, double low, double high) {
  const double middle = y + bar_height / 2;
  return fmt::format(
      "<path class=\"whisker\" d=\"M{0:.1f} {2:.1f}H{1:.1f}M{0:.1f} {3:.1f}V{4:.1f}M{1:.1f} "
      "{3:.1f}V{4:.1f}\"/>",
      low, high, middle, middle - 3, middle + 3);
}

std::string figure_of(const Estimate& estimate, std::string_view unit) {
  if (estimate.low == estimate.high) return short_figure(estimate.value) + std::string(unit);
  return fmt::format("{}{} [{}–{}]", short_figure(estimate.value), unit, short_figure(estimate.low),
                     short_figure(estimate.high));
}

std::string measured(double y, const Estimate& estimate, double scale, std::string_view unit,
                     std::size_t colour) {
  constexpr double room = chart_width - figure_width;
  const bool is_cut = estimate.value * scale > room + 0.5;
  std::string drawn = bar(0, y, std::min(estimate.value * scale, room), colour);
  if (is_cut) {
    drawn += fmt::format("<path class=\"cut\" d=\"M{0:.0f} {2:.1f}l4 -11M{1:.0f} {2:.1f}l4 -11\"/>",
                         room - 16, room - 12, y + 10);
  } else if (estimate.low < estimate.high) {
    drawn += whisker(y, estimate.low * scale, std::min(estimate.high * scale, room));
  }
  return drawn + text(chart_width - figure_width + 6, y + 8.5, figure_of(estimate, unit));
}

}  // namespace

Drawing compose_legend(const std::vector<std::string>& names) {
  Drawing legend;
  if (names.empty()) return legend;
  double x = 0;
  double y = 0;
  for (std::size_t index = 0; index < names.size(); ++index) {
    const double length = 13 + letter_width * static_cast<double>(names[index].size());
    if (x > 0 && x + length > chart_width) {
      x = 0;
      y += legend_line;
    }
    legend.marks += bar(x, y + 3, bar_height, index) + text(x + 13, y + 11.5, names[index]);
    x += length + 12;
  }
  legend.height = y + legend_line + 4;
  return legend;
}

Drawing compose(const BarChart& chart) {
  constexpr double pair_height = 42;
  Drawing drawing = compose_legend({chart.first_name, chart.second_name});
  const double top = drawing.height;
  const double scale = (chart_width - figure_width) / longest(chart);
  double y = top;
  for (const BarPair& pair : chart.bars) {
    drawing.marks += text(0, y + 11, pair.label);
    if (!pair.note.empty()) {
      drawing.marks += text(chart_width, y + 11, pair.note, "text-anchor=\"end\" class=\"faint\"");
    }
    drawing.marks += measured(y + 15, pair.first, scale, chart.unit, 0);
    drawing.marks += measured(y + 26, pair.second, scale, chart.unit, 1);
    y += pair_height;
  }
  drawing.height = y;
  drawing.marks += fmt::format("<path class=\"axis\" d=\"M0.5 {:.0f}V{:.0f}\"/>", top, y);
  if (chart.mark > 0) {
    // Beside the bars only: through the names it would be in the way of reading them.
    std::string path;
    for (double at = top; at + pair_height <= y + 0.5; at += pair_height)
      path += fmt::format("M{:.1f} {:.0f}V{:.0f}", chart.mark * scale, at + 14, at + 37);
    drawing.marks += fmt::format("<path class=\"mark\" d=\"{}\"/>", path);
  }
  return drawing;
}

Drawing compose(const StackChart& chart) {
  constexpr double stack_height = 30;
  Drawing drawing = compose_legend(chart.part_names);
  double y = drawing.height;
  for (const Stack& stack : chart.stacks) {
    drawing.marks += text(0, y + 11, stack.label) +
                     text(chart_width, y + 11, stack.note, "text-anchor=\"end\" class=\"faint\"");
    double x = 0;
    for (std::size_t part = 0; part < stack.parts.size(); ++part) {
      const double length = stack.parts[part] * chart_width;
      drawing.marks += bar(x, y + 15, length, part);
      x += length;
    }
    y += stack_height;
  }
  drawing.height = y;
  return drawing;
}

}  // namespace leat::app::html
