/// The results of `leat bench memory` and `leat bench read` for people and for scripts.
#pragma once

#include <string>
#include <vector>

#include "bench/report.h"
#include "memory/memory_use.h"
#include "memory/side_by_side.h"

namespace leat::app::memory {

/// Lines of at most 100 columns: the rows, then what has to be said about them.
std::string format_table(const Group& group);
std::string format_table(const UseGroup& group);

struct Results {
  std::vector<Group> groups{};
  std::vector<UseGroup> uses{};
};

/// One line of JSON. Its keys are a contract: they may be added to, never renamed.
std::string format_json(const bench::Origin& origin, const Results& results);

}  // namespace leat::app::memory
