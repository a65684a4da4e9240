/// The results of `leat bench planner` for people and for scripts.
#pragma once

#include <string>
#include <vector>

#include "bench/report.h"
#include "planner/regret.h"

namespace leat::app::planner {

/// Lines of at most 100 columns: the cells, then the bounds and what breaks them.
std::string regret_table(const std::vector<CellResult>& results);
/// One line of JSON. Keys may be added, never renamed.
std::string regret_json(const bench::Origin& origin, const std::vector<CellResult>& results);
/// A page with a heat map of wall and of CPU time.
std::string regret_page(const bench::Origin& origin, const std::vector<CellResult>& results);

}  // namespace leat::app::planner
