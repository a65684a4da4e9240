/// Text and figures for HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace leat::app::html {

/// With the five characters that mean something in markup written as entities.
std::string escape(std::string_view text);
/// Two or three significant digits: "0.025", "0.25", "1.20", "12.5", "1200".
std::string short_figure(double value);

}  // namespace leat::app::html
