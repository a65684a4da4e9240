/// The charts of a page as SVG elements, 360 units wide: readable on a phone, scaled up elsewhere.
#pragma once

#include <string>

#include "html/page.h"

namespace leat::app::html {

std::string draw(const BarChart& chart);
std::string draw(const StackChart& chart);
std::string draw(const CurveChart& chart);

}  // namespace leat::app::html
