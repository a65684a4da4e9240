#include "host_costs.h"

#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fmt/core.h>

#include "receipt_format.h"

namespace leat::app {
namespace {

/// The state folder of the XDG base directory specification; relative paths there do not count.
std::string state_folder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state && *state == '/') return state;
  const char* home = std::getenv("HOME");
  return home && *home == '/' ? std::string(home) + "/.local/state" : std::string();
}

constexpr const char* shipped_origin =
    "Expected costs are of the machine that leat was built on: leat calibrate measures this one.";

}  // namespace

std::string costs_path() {
  const std::string folder = state_folder();
  return folder.empty() ? folder : folder + "/leat/costs";
}

HostCosts host_costs() {
  HostCosts host{nullptr, shipped_origin, {}};
  const std::string path = costs_path();
  if (path.empty()) return host;
  auto loaded = Costs::load(path);
  if (loaded) {
    host.costs = std::make_shared<const Costs>(std::move(*loaded));
    host.origin = "Expected costs were measured on this host by leat calibrate.";
  } else if (!loaded.error().is(ENOENT) && !loaded.error().is(EACCES)) {
    host.warning =
        printable(fmt::format("ignored: {}; using what leat came with", loaded.error().message()));
  }
  return host;
}

}  // namespace leat::app
