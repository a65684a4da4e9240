#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "html/charts.h"
#include "html/markup.h"

namespace leat::app::html {
namespace {

constexpr double left = 38;
constexpr double top = 8;
constexpr double plot_width = chart_width - left - 6;
constexpr double plot_height = 190;
constexpr double line_height = 15;
constexpr double tick_room = 38;

/// A range that is not empty, on a logarithmic axis.
struct Axis {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;

  void widen(double value) {
    if (value <= 0) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// 0 … 1.
  double place(double value) const {
    if (!(high > low)) return 0.5;
    return (std::log(value) - std::log(low)) / (std::log(high) - std::log(low));
  }
};

double x_of(const Axis& axis, double value) { return left + axis.place(value) * plot_width; }
double y_of(const Axis& axis, double value) { return top + (1 - axis.place(value)) * plot_height; }

// Powers of ten, and their doubles and fives, that lie on the axis.
std::vector<double> ticks_of(const Axis& axis) {
  std::vector<double> ticks;
  if (!(axis.high > 0)) return ticks;
  const bool narrow = axis.high / axis.low < 100;
  const int last = static_cast<int>(std::floor(std::log10(axis.high)));
  for (int exponent = static_cast<int>(std::floor(std::log10(axis.low))); exponent <= last;
       ++exponent) {
    const double power = std::pow(10, exponent);
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = power * factor;
      const bool wanted = narrow || factor == 1.0;
      if (wanted && tick >= axis.low && tick <= axis.high) ticks.push_back(tick);
    }
  }
  return ticks;
}

std::string grid(const CurveChart& chart, const Axis& x, const Axis& y) {
  std::string svg;
  for (const double tick : ticks_of(y)) {
    const double at = y_of(y, tick);
    svg += fmt::format(
        "<path class=\"axis\" d=\"M{:.0f} {:.1f}h{:.0f}\"/><text class=\"faint\" "
        "text-anchor=\"end\" "
        "x=\"{:.0f}\" y=\"{:.1f}\">{}</text>",
        left, at, plot_width, left - 4, at + 4, fmt::format("{:g}", tick));
  }
  double free_from = 0;
  for (const auto& [value, name] : chart.x_ticks) {
    if (value < x.low || value > x.high || x_of(x, value) < free_from) continue;
    free_from = x_of(x, value) + tick_room;
    svg += fmt::format(
        "<text class=\"faint\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.0f}\">{}</text>",
        std::clamp(x_of(x, value), left, chart_width - 4.5 * static_cast<double>(name.size())),
        top + plot_height + 14, escape(name));
  }
  return svg;
}

std::string line(const Curve& curve, const Axis& x, const Axis& y, std::size_t colour) {
  std::string points;
  std::string dots;  // without them a single point would not be seen
  for (const auto& [at, value] : curve.points) {
    if (value <= 0) continue;
    points += fmt::format("{:.1f},{:.1f} ", x_of(x, at), y_of(y, value));
    dots += fmt::format("<circle class=\"d{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.3\"/>", colour,
                        x_of(x, at), y_of(y, value));
  }
  return dots + fmt::format("<polyline class=\"curve s{}\" points=\"{}\"/>", colour, points);
}

// Two names a line.
std::string legend(const CurveChart& chart, double y) {
  std::string svg;
  for (std::size_t index = 0; index < chart.curves.size(); ++index) {
    const double x = index % 2 == 0 ? 0 : chart_width / 2;
    const double at = y + line_height * std::floor(static_cast<double>(index) / 2);
    svg += fmt::format(
        "<path class=\"curve s{}\" d=\"M{:.0f} {:.0f}h14\"/><text x=\"{:.0f}\" "
        "y=\"{:.0f}\">{}</text>",
        index, x, at - 4, x + 19, at, escape(chart.curves[index].label));
  }
  return svg;
}

}  // namespace

Drawing compose(const CurveChart& chart) {
  Axis x;
  Axis y;
  for (const Curve& curve : chart.curves) {
    for (const auto& [at, value] : curve.points) {
      x.widen(at);
      y.widen(value);
    }
  }
  const double names = top + plot_height + 30;
  const double legend_lines = std::ceil(static_cast<double>(chart.curves.size()) / 2);
  Drawing drawing;
  drawing.height = names + 18 + line_height * legend_lines;
  drawing.marks = grid(chart, x, y);
  for (std::size_t index = 0; index < chart.curves.size(); ++index)
    drawing.marks += line(chart.curves[index], x, y, index);
  drawing.marks += fmt::format("<text class=\"faint\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>", left,
                               names, escape(chart.y_name + " over " + chart.x_name));
  drawing.marks += legend(chart, names + 18);
  return drawing;
}

}  // namespace leat::app::html
