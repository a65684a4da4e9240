#include <CLI/CLI.hpp>

#include "commands.h"

namespace leat::app {

void add_copy(CLI::App& root, int& /*exit_status*/) {
  root.add_subcommand("copy", "Copy SRC to DST");
}

}  // namespace leat::app
