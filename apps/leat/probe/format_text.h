/// Findings for people: under headings, 100 columns at most.
#pragma once

#include <string>

#include "probe/finding.h"

namespace leat::app::probe {

/// One line for each finding, longer ones indented and wrapped, its remedy on a line of its own to
/// be copied. Sections in their order, each under its title. Control characters are shown as '?'.
std::string as_text(const Findings& findings);

}  // namespace leat::app::probe
