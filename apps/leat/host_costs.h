/// The figures that plans on this host rank by: those of `leat calibrate`, or those leat came with.
#pragma once

#include <memory>
#include <string>

#include <leat/costs.h>

namespace leat::app {

struct HostCosts {
  std::shared_ptr<const Costs> costs;
  std::string origin;   ///< a sentence that says whose figures they are
  std::string warning;  ///< one line if there is a file that could not be used; else empty
};

/// Where `leat calibrate` stores them: $XDG_STATE_HOME/leat/costs, or ~/.local/state/leat/costs.
/// The file names the kernel and the processor that it holds for. Empty where no variable says
/// where.
std::string costs_path();

/// Never fails: what cannot be used is ignored, with a warning; a file of somebody else's (the HOME
/// of root after setpriv, say) is none.
HostCosts host_costs();

}  // namespace leat::app
