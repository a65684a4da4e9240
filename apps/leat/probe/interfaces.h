/// What the network interfaces take off the CPU, and whether zero-copy gets through them.
#pragma once

#include "os/interfaces.h"
#include "probe/finding.h"

namespace leat::app::probe {

Finding judge_interface(const os::Interface& interface);

Findings ask_interfaces();

}  // namespace leat::app::probe
