/// A plan as text for people and as JSON for scripts.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <leat/plan.h>

namespace leat::app::explain {

/// What the plan is of, as its reader knows it.
struct Names {
  std::string_view source;
  std::string_view sink;
  std::string_view figures;  ///< where the expected costs come from: a sentence
};

/// Several lines of at most 100 columns: what is known of the ends, then each mechanism in the
/// order in which it would be tried, with its reason, then those that do not fit.
std::string plan_text(const Plan& plan, const Names& names);

/// docs/man/leat-explain.1 tells the keys; they may be added, never renamed.
nlohmann::ordered_json plan_json(const Plan& plan, const Names& names);

}  // namespace leat::app::explain
