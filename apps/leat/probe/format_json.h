/// Findings for scripts (docs/man/leat-probe.1): keys may be added, never renamed.
#pragma once

#include <string>
#include <vector>

#include "probe/finding.h"
#include "probe/mechanisms.h"

namespace leat::app::probe {

/// One line without its end: a list for each of `sections`, empty ones included. What is not UTF-8
/// is replaced, as JSON has no other bytes.
std::string as_json(const std::vector<Section>& sections,
                    const std::vector<MechanismAnswer>& mechanisms, const Findings& findings);

}  // namespace leat::app::probe
