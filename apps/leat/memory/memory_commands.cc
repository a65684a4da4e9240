#include "memory/memory_commands.h"

#include <cstdio>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "bench/outputs.h"
#include "bench/round_options.h"
#include "commands.h"
#include "memory/chains.h"
#include "memory/file_reads.h"
#include "memory/pools.h"
#include "memory/report.h"
#include "memory/sharing.h"
#include "memory/slices.h"
#include "memory/snapshot.h"
#include "os/process.h"
#include "sizes.h"

namespace leat::app::memory {
namespace {

constexpr std::uint64_t least_size = 64u << 10;

struct Options {
  std::string name;  ///< of the command, for messages
  std::string size;
  std::string folder;
  Settings timing;
  bench::OutputPaths outputs;
};

using Progress = std::function<void(std::string_view)>;
/// All that a command measures.
using Measure = Expected<void> (*)(const Options&, std::uint64_t size, Results& results);

int fail(const Options& options, std::string_view message, int status) {
  os::tell(fmt::format("leat bench {}: {}\n", options.name, message));
  return status;
}

/// Whole pages.
Expected<std::uint64_t> read_size(const Options& options) {
  const auto size = parse_size(options.size);
  if (!size) return std::unexpected(size.error());
  if (*size < least_size) return std::unexpected("--size must be at least 64KiB");
  if (*size > (std::uint64_t{1} << 62)) return std::unexpected("--size is out of reach");
  const auto rounds = bench::check_rounds(options.timing.min_rounds, options.timing.max_rounds);
  if (!rounds) return std::unexpected(rounds.error());
  return (*size + page_bytes - 1) / page_bytes * page_bytes;
}

template <class T>
Expected<void> add(Expected<T> measured, std::vector<T>& into) {
  if (!measured) return std::unexpected(measured.error());
  into.push_back(std::move(*measured));
  return {};
}

template <class T>
Expected<void> add(Expected<std::vector<T>> measured, std::vector<T>& into) {
  if (!measured) return std::unexpected(measured.error());
  for (T& each : *measured) into.push_back(std::move(each));
  return {};
}

Expected<void> measure_memory(const Options& options, std::uint64_t size, Results& results) {
  const UseSettings use{.size = size, .progress = options.timing.progress};
  // Processes first: of what comes later nothing is then in their children.
  auto done = add(measure_sharing(use), results.uses);
  if (done) done = add(measure_snapshot(use), results.uses);
  if (done) done = add(measure_slices(options.timing), results.groups);
  if (done) done = add(measure_chains(options.timing), results.groups);
  if (done) done = add(measure_pools(options.timing), results.groups);
  return done;
}

Expected<void> measure_reads(const Options& options, std::uint64_t size, Results& results) {
  return add(measure_file_reads({.timing = options.timing, .folder = options.folder, .size = size}),
             results.groups);
}

std::string tables_of(const Results& results) {
  std::string text;
  for (const Group& group : results.groups) text += format_table(group) + "\n";
  for (const UseGroup& group : results.uses) text += format_table(group) + "\n";
  return text;
}

constexpr const char* legend =
    "ratios to the first row, medians of pairs; ~ not told apart: the interval contains 1; (2) is "
    "the\nfirst row once more: the noise. heap: what one operation asks operator new for; -: not "
    "counted\n";

int run(Options& options, Measure measure_all, const Progress& show_progress) {
  const auto size = read_size(options);
  if (!size) return fail(options, size.error(), exit_usage);
  auto outputs = bench::Outputs::begin(options.outputs);
  if (!outputs) return fail(options, outputs.error(), exit_failed);
  const bench::Origin origin = bench::origin_here();
  const bool show = os::is_terminal(FdRef(2));
  if (show) options.timing.progress = show_progress;
  Results results;
  const auto done = measure_all(options, *size, results);
  if (show) show_progress("");
  if (!done) return fail(options, done.error(), exit_failed);

  const std::string json = format_json(origin, results);
  const std::string text = options.outputs.prints_json()
                               ? json
                               : tables_of(results) + legend + bench::format_origin(origin);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    return fail(options, "cannot write to standard output", exit_failed);
  }
  const auto put = outputs->put(json);
  return put ? exit_done : fail(options, put.error(), exit_failed);
}

constexpr const char* about_memory =
    R"(Times what leat does with memory beside what else there is: 64 KiB copied, or handed on as
a slice; chains of pieces beside Abseil's Cord and std::string; blocks of a pool beside malloc and
mimalloc. All rows of a table take turns, in random order; ratios are medians of the ratios of the
same round, and rounds are added until the interval is at most +-7 % wide. Then what one buffer
that 8 threads or 8 processes read takes in memory, and what a snapshot copies while it is sent.
Abseil and mimalloc take part where they are: scripts/bench memory installs them.

Examples:
  leat bench memory
  leat bench memory --size 64MiB                  the buffer that is shared
  leat bench memory --json=memory.json --html memory.html

Exit status: 0 done, also if a limit is not met or a row has not settled; 1 a run failed; 2 wrong
usage.)";

constexpr const char* about_read =
    R"(Times looking at a file's bytes, every cache line of them: read into a buffer, mapped once
for all or each time, and past the page cache (O_DIRECT, io_uring), which comes from the disk. The
file is warm, 4 MiB written in one call, or 4 MiB that readahead brought in, whose pages are
smaller and take longer to map; then 4 KiB at random offsets of a large one, and all of that. All
rows of a table take turns, as in leat bench memory; rows that read from the disk need not settle.

Examples:
  leat bench read
  leat bench read --size 256MiB --dir /srv        the large file, and where the files are
  leat bench read --json=read.json --html read.html

Exit status: 0 done, also if a limit is not met or a row has not settled; 1 a run failed; 2 wrong
usage.)";

/// What both commands have.
void add_common(CLI::App& command, Options& options) {
  bench::add_round_options(command, options.timing.min_rounds, options.timing.max_rounds);
  options.outputs.add_options(command);
}

}  // namespace

void add_memory_command(CLI::App& bench, const Progress& show_progress, int& exit_status) {
  auto options = std::make_shared<Options>();
  options->name = "memory";
  options->size = "256MiB";
  CLI::App& command =
      *bench.add_subcommand("memory", "Slices, chains, pools and shared buffers, side by side");
  command.footer(about_memory);
  command.add_option("--size", options->size, "The buffer that is shared and sent")
      ->capture_default_str();
  add_common(command, *options);
  command.callback([options, show_progress, &exit_status] {
    exit_status = run(*options, measure_memory, show_progress);
  });
}

void add_read_command(CLI::App& bench, const std::string& default_folder,
                      const Progress& show_progress, int& exit_status) {
  auto options = std::make_shared<Options>();
  options->name = "read";
  options->size = "1GiB";
  options->folder = default_folder;
  CLI::App& command = *bench.add_subcommand("read", "A file read, or mapped, side by side");
  command.footer(about_read);
  command.add_option("--size", options->size, "The large file")->capture_default_str();
  command.add_option("--dir", options->folder, "Folder of the files ($TMPDIR or /var/tmp)")
      ->capture_default_str();
  add_common(command, *options);
  command.callback([options, show_progress, &exit_status] {
    exit_status = run(*options, measure_reads, show_progress);
  });
}

}  // namespace leat::app::memory
