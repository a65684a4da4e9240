#include "support/locked.h"

#include <cstdlib>
#include <fstream>
#include <string>

namespace leat::testing {

std::uint64_t pinned_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmPin:")) return std::stoull(line.substr(6)) << 10;
  }
  std::abort();
}

}  // namespace leat::testing
