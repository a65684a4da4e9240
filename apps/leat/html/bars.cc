#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "html/charts.h"
#include "html/markup.h"

namespace leat::app::html {
namespace {

constexpr double width = 360;
constexpr double legend_height = 20;
constexpr double figure_width = 118;  // right of the bars
constexpr double bar_height = 9;

std::string open_svg(double height, std::string_view title) {
  return fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">", width,
      height, escape(title));
}

std::string text(double x, double y, std::string_view words, std::string_view rest = {}) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{}{}>{}</text>", x, y, rest.empty() ? "" : " ",
                     rest, escape(words));
}

std::string bar(double x, double y, double length, std::size_t colour) {
  return fmt::format(
      "<rect class=\"f{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.0f}\"/>", colour,
      x, y, std::max(length, 0.0), bar_height);
}

// Names side by side, as far as they go.
std::string legend(const std::vector<std::string>& names) {
  std::string drawn;
  double x = 0;
  for (std::size_t index = 0; index < names.size(); ++index) {
    drawn += bar(x, 3, bar_height, index) + text(x + 13, 11.5, names[index]);
    x += 26 + 5.8 * static_cast<double>(names[index].size());
  }
  return drawn;
}

double longest(const BarChart& chart) {
  double most = 0;
  for (const BarPair& pair : chart.bars)
    most = std::max({most, pair.first.high, pair.second.high, pair.first.value, pair.second.value});
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
  std::string drawn = bar(0, y, estimate.value * scale, colour);
  if (estimate.low < estimate.high)
    drawn += whisker(y, estimate.low * scale, estimate.high * scale);
  return drawn + text(width - figure_width + 6, y + 8.5, figure_of(estimate, unit));
}

}  // namespace

std::string draw(const BarChart& chart) {
  constexpr double pair_height = 42;
  const double height = legend_height + pair_height * static_cast<double>(chart.bars.size());
  const double scale = (width - figure_width) / longest(chart);
  std::string svg = open_svg(height, chart.title) + legend({chart.first_name, chart.second_name});
  double y = legend_height;
  for (const BarPair& pair : chart.bars) {
    svg += text(0, y + 11, pair.note.empty() ? pair.label : pair.label + " · " + pair.note);
    svg += measured(y + 15, pair.first, scale, chart.unit, 0);
    svg += measured(y + 26, pair.second, scale, chart.unit, 1);
    y += pair_height;
  }
  svg += fmt::format("<path class=\"axis\" d=\"M0.5 {:.0f}V{:.0f}\"/>", legend_height, height);
  return svg + "</svg>";
}

std::string draw(const StackChart& chart) {
  constexpr double stack_height = 30;
  const double height = legend_height + stack_height * static_cast<double>(chart.stacks.size());
  std::string svg = open_svg(height, chart.title) + legend(chart.part_names);
  double y = legend_height;
  for (const Stack& stack : chart.stacks) {
    svg += text(0, y + 11, stack.label) +
           text(width, y + 11, stack.note, "text-anchor=\"end\" class=\"faint\"");
    double x = 0;
    for (std::size_t part = 0; part < stack.parts.size(); ++part) {
      const double length = stack.parts[part] * width;
      svg += bar(x, y + 15, length, part);
      x += length;
    }
    y += stack_height;
  }
  return svg + "</svg>";
}

}  // namespace leat::app::html
