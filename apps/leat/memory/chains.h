/// Chains of pieces beside Abseil's Cord and std::string.
#pragma once

#include <vector>

#include "memory/side_by_side.h"

namespace leat::app::memory {

namespace chain_rows {
inline constexpr const char* chain = "Chain";
inline constexpr const char* cord = "Abseil's Cord";
inline constexpr const char* string = "std::string, copies";
}  // namespace chain_rows

/// The groups "chain_append_foreign", "chain_append_ready", "chain_iterate" and "chain_split". The
/// first row is Abseil's Cord; where that is not there it is absent, with the reason, and nothing
/// is held against it. One thread.
Expected<std::vector<Group>> measure_chains(const Settings& settings);

}  // namespace leat::app::memory
