// Facts and needs in, the whole plan out. Pure: it asks nobody.
#pragma once

#include <vector>

#include <leat/plan.h>

#include "plan/rank.h"

namespace leat {

/// Every mechanism against these facts, with the facts as a person reads them.
Plan plan_from(const SourceFacts& source, const SinkFacts& sink, const Needs& needs);

std::vector<Fact> facts_as_text(const SourceFacts& source);
std::vector<Fact> facts_as_text(const SinkFacts& sink);

}  // namespace leat
