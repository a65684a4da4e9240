/// `leat probe`: asks what was wanted and prints it.
#pragma once

#include <vector>

#include "probe/finding.h"

namespace leat::app::probe {

struct Request {
  std::vector<Section> sections;  ///< in the order of `all_sections`
  bool json = false;
};

/// Returns the exit status. Prints to standard output.
int run(const Request& request);

}  // namespace leat::app::probe
