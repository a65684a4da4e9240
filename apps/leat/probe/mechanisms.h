/// Every mechanism of the registry, asked once: the answer may cost system calls.
#pragma once

#include <string_view>
#include <vector>

#include <leat/mechanism.h>

#include "probe/finding.h"

namespace leat::app::probe {

struct MechanismAnswer {
  Mechanism mechanism;
  std::string_view reason;  ///< empty if it is available

  bool available() const { return reason.empty(); }
};

std::vector<MechanismAnswer> ask_mechanisms();

Finding finding_of(const MechanismAnswer& answer);

}  // namespace leat::app::probe
