/// The charts of a page, 360 units wide: readable on a phone, scaled up elsewhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "html/page.h"

namespace leat::app::html {

inline constexpr double chart_width = 360;

/// What a chart is made of, in SVG, without an element around it.
struct Drawing {
  double height = 0;
  std::string marks;
};

Drawing compose(const BarChart& chart);
Drawing compose(const StackChart& chart);
Drawing compose(const CurveChart& chart);
Drawing compose(const HeatMap& map);

/// One <svg> with the title for those who cannot see it.
std::string svg_element(std::string_view title, const Drawing& drawing);

/// A name beside its colour, as often as there are names, in as many lines as they need.
Drawing compose_legend(const std::vector<std::string>& names);

}  // namespace leat::app::html
