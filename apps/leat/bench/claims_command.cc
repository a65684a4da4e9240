#include "bench/claims_command.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "bench/claims.h"
#include "bench/claims_run.h"
#include "bench/outputs.h"
#include "bench/round_options.h"
#include "commands.h"
#include "os/process.h"
#include "sizes.h"

namespace leat::app::bench {
namespace {

struct ClaimsOptions {
  std::string size = "1GiB";
  std::string folder;
  Settings settings{.mechanisms = {}, .blocks = {}, .max_rounds = 30, .progress = {}};
  OutputPaths outputs;
};

constexpr const char* legend =
    "[] are 95 % intervals. A textbook's figure is met if the whole interval lies within a fifth "
    "of "
    "it.\n\n";

int fail(std::string_view message, int status) {
  fmt::print(stderr, "leat bench claims: {}\n", message);
  return status;
}

int bench_claims(ClaimsOptions& options,
                 const std::function<void(std::string_view)>& show_progress) {
  const auto size = parse_size(options.size);
  if (!size) return fail(size.error(), exit_usage);
  if (*size == 0) return fail("--size must be at least 1 byte", exit_usage);
  const auto rounds = check_rounds(options.settings.min_rounds, options.settings.max_rounds);
  if (!rounds) return fail(rounds.error(), exit_usage);
  auto outputs = Outputs::begin(options.outputs);
  if (!outputs) return fail(outputs.error(), exit_failed);
  const Origin origin = origin_here();
  const bool show = os::is_terminal(FdRef(2));
  if (show) options.settings.progress = show_progress;
  const auto claims = answer_claims(options.folder, *size, options.settings);
  if (show) show_progress("");
  if (!claims) return fail(claims.error(), exit_failed);
  const std::string json = format_claims_json(origin, *claims);
  const std::string text = options.outputs.prints_json()
                               ? json
                               : format_claims(*claims) + legend + format_origin(origin);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    return fail("cannot write to standard output", exit_failed);
  }
  const auto put = outputs->put(json);
  return put ? exit_done : fail(put.error(), exit_failed);
}

constexpr const char* explanation =
    R"(Answers what textbooks and articles claim of zero-copy with this machine's own figures: what
is claimed, what was measured or tried here, and a verdict with its reason: it holds, it does not
hold here, it depends, it was not told apart, it cannot be measured here. Times are medians of
paired runs, as in leat bench transfer; what a call does or refuses is tried on this kernel.
What needs hardware that is not here (RDMA, a card) says so. docs/claims.md explains each claim.

Examples:
  leat bench claims                          1 GiB, about five minutes
  leat bench claims --size 64MiB --pairs 6 --max-pairs 6
  leat bench claims --json=claims.json --html claims.html

Exit status: 0 done, whatever the verdicts are; 1 a run failed; 2 wrong usage.)";

}  // namespace

void add_claims_command(CLI::App& bench, const std::string& folder,
                        const std::function<void(std::string_view)>& show_progress,
                        int& exit_status) {
  auto options = std::make_shared<ClaimsOptions>();
  options->folder = folder;
  CLI::App* command = bench.add_subcommand("claims", "What the textbooks claim, measured here");
  command->footer(explanation);
  command->add_option("--size", options->size, "The file's size")->capture_default_str();
  add_round_options(*command, options->settings.min_rounds, options->settings.max_rounds);
  command->add_option("--dir", options->folder, "Folder of the files ($TMPDIR or /var/tmp)")
      ->capture_default_str();
  options->outputs.add_options(*command);
  command->callback([options, show_progress, &exit_status] {
    exit_status = bench_claims(*options, show_progress);
  });
}

}  // namespace leat::app::bench
