#include "planner/regret_command.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "bench/output_file.h"
#include "commands.h"
#include "host_costs.h"
#include "os/process.h"
#include "planner/regret.h"
#include "planner/regret_report.h"
#include "sizes.h"

namespace leat::app::planner {
namespace {

struct RegretOptions {
  std::string largest = "1GiB";
  std::string json;
  std::string html;
  bool shipped = false;
  RegretSettings settings;
};

int fail(std::string_view message, int status) {
  os::tell(fmt::format("leat bench planner: {}\n", message));
  return status;
}

/// Begun before the first run, so that a path that cannot be written to is told at once.
std::expected<std::optional<bench::OutputFile>, std::string> begin_file(const std::string& path) {
  if (path.empty()) return std::nullopt;
  auto file = bench::OutputFile::begin(path);
  if (!file) return std::unexpected(file.error());
  return std::optional(std::move(*file));
}

int bench_planner(RegretOptions& options,
                  const std::function<void(std::string_view)>& show_progress) {
  const auto largest = parse_size(options.largest);
  if (!largest) return fail(largest.error(), exit_usage);
  options.settings.largest = *largest;
  if (regret_cells(*largest).empty()) return fail("--size must be at least 1KiB", exit_usage);
  auto json = begin_file(options.json);
  if (!json) return fail(json.error(), exit_failed);
  auto html = begin_file(options.html);
  if (!html) return fail(html.error(), exit_failed);
  if (!options.shipped) {
    const HostCosts host = host_costs();
    if (!host.warning.empty()) os::tell("leat bench planner: " + host.warning + "\n");
    options.settings.costs = host.costs;
  }
  const bench::Origin origin = bench::origin_here();
  const bool tells = os::is_terminal(FdRef(2));
  if (tells) options.settings.progress = show_progress;
  const auto results = measure_regret(options.settings);
  if (tells) show_progress("");
  if (!results) return fail(results.error(), exit_failed);

  const std::string text = regret_table(*results) + "\n" + bench::format_origin(origin);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0)
    return fail("cannot write to standard output", exit_failed);
  if (*json) {
    if (const auto put = (*json)->put(regret_json(origin, *results)); !put)
      return fail(put.error(), exit_failed);
  }
  if (*html) {
    if (const auto put = (*html)->put(regret_page(origin, *results)); !put)
      return fail(put.error(), exit_failed);
  }
  return exit_done;
}

constexpr const char* explanation =
    R"(Measures leat's own choice beside every mechanism that fits, for files (warm and cold),
memory, pipes and TCP as sources, TCP, UNIX sockets, pipes and files as sinks, and lengths
from 1 KiB to --size. Half of the rounds say which mechanism is the best, the other half
compares the choice with it, for wall and CPU time apart. A cell whose choice, run twice in
each round, scatters too much does not count. The choice ranks by what leat calibrate has
stored. direct_io takes no part, as it leaves nothing in the page cache, which is other work;
nor does what lends memory, which the loopback copies after all, in the receiver's time.

Examples:
  leat calibrate && leat bench planner          about half an hour
  leat bench planner --size 1MiB --rounds 12
  leat bench planner --html regret.html --json regret.json

Exit status: 0 done, also if a bound is not met; 1 a run failed; 2 wrong usage.)";

}  // namespace

void add_regret_command(CLI::App& bench, const std::string& default_folder,
                        const std::function<void(std::string_view)>& show_progress,
                        int& exit_status) {
  auto options = std::make_shared<RegretOptions>();
  options->settings.folder = default_folder;
  CLI::App& command =
      *bench.add_subcommand("planner", "What leat's own choice costs beside the best mechanism");
  command.footer(explanation);
  command.add_option("--size", options->largest, "The largest length")->capture_default_str();
  command.add_option("--rounds", options->settings.rounds, "Rounds of each cell")
      ->check(CLI::Range(12, 200))
      ->capture_default_str();
  command
      .add_option("--dir", options->settings.folder, "Folder of the files ($TMPDIR or /var/tmp)")
      ->capture_default_str();
  command.add_flag("--shipped", options->shipped, "Rank by what leat came with");
  command.add_option("--json", options->json, "Write the results there as JSON")->type_name("FILE");
  command.add_option("--html", options->html, "Write a page with heat maps")->type_name("FILE");
  command.callback([options, show_progress, &exit_status] {
    exit_status = bench_planner(*options, show_progress);
  });
}

}  // namespace leat::app::planner
