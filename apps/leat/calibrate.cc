/// `leat calibrate`: measures what moving bytes costs on this host, for plans to rank by.
#include "planner/calibrate.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "bench/output_file.h"
#include "commands.h"
#include "host_costs.h"
#include "os/process.h"
#include "receipt_format.h"

namespace leat::app {
namespace {

struct CalibrateOptions {
  std::string folder;
  std::string html;
  bool json = false;
  bool show = false;
};

std::string default_folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder && *folder ? folder : "/var/tmp";
}

int fail(std::string_view text) {
  os::tell(printable(fmt::format("leat calibrate: {}", text)) + "\n");
  return exit_failed;
}

/// One line that is written over, on a terminal only.
void show_progress(std::string_view text) { fmt::print(stderr, "\r{:<78}\r", text.substr(0, 78)); }

int report(const CalibrateOptions& options, const Costs& costs,
           std::optional<bench::OutputFile>& page) {
  const std::string text = options.json ? planner::costs_json(costs) : planner::costs_table(costs);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) return fail("cannot write to standard output");
  if (!page) return exit_done;
  const auto put = page->put(planner::costs_page(costs));
  return put ? exit_done : fail(put.error());
}

int show(const CalibrateOptions& options, std::optional<bench::OutputFile>& page) {
  const HostCosts host = host_costs();
  if (!host.warning.empty()) os::tell("leat calibrate: " + host.warning + "\n");
  return report(options, host.costs ? *host.costs : Costs::shipped(), page);
}

/// The folders on the way to `path` are made. The error is one line.
std::optional<std::string> store(const Costs& costs, const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) {
    return fmt::format("cannot make the folder of {}: {}; set XDG_STATE_HOME to another", path,
                       error.message());
  }
  const auto saved = costs.save(path);
  if (saved) return std::nullopt;
  return saved.error().message();
}

int calibrate(const CalibrateOptions& options) {
  std::optional<bench::OutputFile> page;
  if (!options.html.empty()) {
    auto begun = bench::OutputFile::begin(options.html);
    if (!begun) return fail(begun.error());
    page = std::move(*begun);
  }
  if (options.show) return show(options, page);
  const std::string path = costs_path();
  if (path.empty()) return fail("neither XDG_STATE_HOME nor HOME is an absolute path: set one");

  planner::Calibration calibration{.folder = options.folder};
  const bool tells = os::is_terminal(FdRef(2));
  if (tells) calibration.progress = show_progress;
  const auto costs = planner::calibrate(calibration);
  if (tells) show_progress("");
  if (!costs) return fail(costs.error());
  if (const auto failed = store(*costs, path)) return fail(*failed);
  const int status = report(options, *costs, page);
  if (status == exit_done) os::tell(printable("leat calibrate: stored in " + path) + "\n");
  return status;
}

constexpr const char* explanation =
    R"(Moves files, memory, pipes and connections between processes of its own, by every mechanism
that fits, for less than half a minute, and stores what each took. leat copy, leat explain
and leat bench rank by these figures from then on; a new kernel or processor makes them
stale, and they are then ignored with one line. Servers hand the file to the library:
Costs::load(). Measure on a machine that has nothing else to do; it needs 64 MiB of the
folder and of memory.

Examples:
  leat calibrate
  leat calibrate --html costs.html         with a chart for each pair of ends
  leat calibrate --show                    what is stored, or what leat came with

Files: $XDG_STATE_HOME/leat/costs, or ~/.local/state/leat/costs

Exit status: 0 done; 1 a run failed, or the figures cannot be stored; 2 wrong usage.)";

}  // namespace

void add_calibrate(CLI::App& root, int& exit_status) {
  CLI::App& command = *root.add_subcommand("calibrate", "Measure what moving bytes costs here");
  command.footer(explanation);
  const auto options = std::make_shared<CalibrateOptions>();
  options->folder = default_folder();
  command.add_option("--dir", options->folder, "Folder of the files ($TMPDIR or /var/tmp)")
      ->capture_default_str();
  command.add_option("--html", options->html, "Also a page with charts")->type_name("FILE");
  command.add_flag("--json", options->json, "The figures as one line of JSON");
  command.add_flag("--show", options->show, "Measure nothing: show the figures in use");
  command.callback([options, &exit_status] { exit_status = calibrate(*options); });
}

}  // namespace leat::app
