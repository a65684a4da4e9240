/// The program `leat`: finds the subcommand and runs it.
#include <algorithm>
#include <exception>
#include <iterator>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "commands.h"
#include "os/process.h"
#include "receipt_format.h"

namespace leat::app {
namespace {

/// Wrong usage is one line, so that a script's log stays readable; CLI11 would print three.
int report_usage(const CLI::App& root, const CLI::ParseError& error) {
  std::string command = "leat";
  for (auto chosen = root.get_subcommands(); !chosen.empty();) {
    command += " " + chosen.front()->get_name();
    chosen = chosen.front()->get_subcommands();
  }
  const std::string text = printable(error.what());
  os::tell(fmt::format("{}: {} (see {} --help)\n", command, text, command));
  return exit_usage;
}

struct Command {
  std::string_view name;
  void (*add)(CLI::App& root, int& exit_status);
};
constexpr Command commands[] = {{"copy", add_copy},
                                {"explain", add_explain},
                                {"probe", add_probe},
                                {"calibrate", add_calibrate},
                                {"bench", add_bench}};

/// A command that is named first is set up alone: the options of all of them take longer than a
/// short copy.
void add_commands(CLI::App& root, std::string_view first, int& exit_status) {
  const bool is_named = std::any_of(std::begin(commands), std::end(commands),
                                    [first](const Command& each) { return each.name == first; });
  for (const Command& command : commands) {
    if (!is_named || command.name == first) command.add(root, exit_status);
  }
}

int run(int argc, char** argv) {
  CLI::App root{"Moves bytes on Linux without carrying them through user memory, and says how.",
                "leat"};
  root.set_version_flag("--version", "leat " LEAT_VERSION, "Print the version and exit");
  root.get_formatter()->column_width(34);
  root.require_subcommand(1);
  root.footer("Each command has its own help: leat copy --help. Manual: man leat.");
  int exit_status = exit_done;
  add_commands(root, argc > 1 ? argv[1] : "", exit_status);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return root.exit(error);  // --help, --version
    return report_usage(root, error);
  }
  return exit_status;
}

}  // namespace
}  // namespace leat::app

int main(int argc, char** argv) {
  leat::app::os::fill_standard_descriptors();
  try {
    return leat::app::run(argc, argv);
  } catch (const std::exception& error) {
    // bad_alloc, thread creation
    leat::app::os::tell(std::string("leat: ") + error.what() + "\n");
    return leat::app::exit_failed;
  }
}
