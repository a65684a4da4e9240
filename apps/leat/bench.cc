/// `leat bench transfer`: what each mechanism costs on this host, side by side.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "bench/claims_command.h"
#include "bench/outputs.h"
#include "bench/payload.h"
#include "bench/report.h"
#include "bench/round_options.h"
#include "bench/rounds.h"
#include "bench/sampling.h"
#include "commands.h"
#include "host_costs.h"
#include "memory/memory_commands.h"
#include "os/process.h"
#include "os/veth.h"
#include "planner/regret_command.h"
#include "sizes.h"

namespace leat::app {
namespace {

struct BenchOptions {
  std::vector<std::string> sizes{"1GiB"};
  std::string source = "file";
  std::string sink = "all";
  std::string path = "loopback";
  std::string receiver = "truncate";
  bool cold = false;
  std::vector<std::string> mechanisms;
  std::vector<std::string> blocks;
  std::string folder;
  bench::Settings settings;
  bench::OutputPaths outputs;
};

std::string default_folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder && *folder ? folder : "/var/tmp";
}

constexpr std::array all_sources{bench::SourceKind::file, bench::SourceKind::memory,
                                 bench::SourceKind::pipe, bench::SourceKind::tcp};
constexpr std::array all_sinks{bench::SinkKind::tcp, bench::SinkKind::unix_socket,
                               bench::SinkKind::pipe, bench::SinkKind::file};

std::vector<bench::Pair> pairs_of(const BenchOptions& options) {
  const auto is_asked_for = [](const std::string& asked, std::string_view name) {
    return asked == "all" || asked == name;
  };
  std::vector<bench::Pair> pairs;
  for (const bench::SourceKind source : all_sources) {
    if (!is_asked_for(options.source, bench::name_of(source))) continue;
    for (const bench::SinkKind sink : all_sinks) {
      if (!is_asked_for(options.sink, bench::name_of(sink))) continue;
      pairs.push_back({.source = source,
                       .sink = sink,
                       .path = options.path == "veth" ? bench::Path::veth : bench::Path::loopback,
                       .receiver = options.receiver == "copy" ? bench::Receiver::copy
                                                              : bench::Receiver::truncate,
                       .cache = options.cold ? bench::Cache::cold : bench::Cache::warm});
    }
  }
  return pairs;
}

/// For the pair that needs most.
bench::Room room_for(const std::vector<bench::Pair>& pairs) {
  bench::Room most = bench::room_for(pairs.front());
  for (const bench::Pair& pair : pairs) {
    const bench::Room room = bench::room_for(pair);
    most = {.disk = std::max(most.disk, room.disk), .memory = std::max(most.memory, room.memory)};
  }
  return most;
}

/// Conditions that mean nothing for what is asked for. The error is a sentence about wrong usage.
std::expected<void, std::string> check_conditions(const BenchOptions& options) {
  const std::vector<bench::Pair> pairs = pairs_of(options);
  const auto none = [&](bool (bench::Pair::*has)() const noexcept) {
    return std::none_of(pairs.begin(), pairs.end(),
                        [&](const bench::Pair& pair) { return (pair.*has)(); });
  };
  if (options.path == "veth" && none(&bench::Pair::over_tcp)) {
    return std::unexpected("--path veth needs TCP at one end: --sink tcp or --source tcp");
  }
  if (options.receiver == "copy" && none(&bench::Pair::is_received)) {
    return std::unexpected("--receiver copy needs a receiver: --sink tcp, unix or pipe");
  }
  if (options.cold && options.source != "file") {
    return std::unexpected("--cold is about files: it needs --source file");
  }
  return {};
}

std::string known_mechanisms() {
  std::string names = "auto";
  for (std::size_t i = 0; i < Mechanism::count(); ++i) {
    names += ", " + std::string(Mechanism::at(i).name());
  }
  return names;
}

/// The error is a sentence about wrong usage.
std::expected<void, std::string> choose_mechanisms(BenchOptions& options) {
  if (options.mechanisms.empty()) return {};
  options.settings.automatic = false;
  // The baseline always runs; without this line no name but "auto" would mean all of them.
  options.settings.mechanisms.clear();
  for (const std::string& name : options.mechanisms) {
    if (name == "auto") {
      options.settings.automatic = true;
      continue;
    }
    const auto mechanism = Mechanism::named(name);
    if (!mechanism) {
      return std::unexpected(
          fmt::format("unknown mechanism '{}'; there are {}", name, known_mechanisms()));
    }
    options.settings.mechanisms.push_back(*mechanism);
  }
  if (options.settings.mechanisms.empty()) options.settings.mechanisms.emplace_back();
  return {};
}

std::expected<void, std::string> choose_blocks(BenchOptions& options) {
  constexpr std::uint64_t most = 1u << 30;
  for (const std::string& text : options.blocks) {
    const auto bytes = parse_size(text);
    if (!bytes) return std::unexpected(bytes.error());
    if (*bytes == 0 || *bytes > most) {
      return std::unexpected(fmt::format("block size '{}' is not from 1 to 1GiB", text));
    }
    options.settings.blocks.push_back(static_cast<std::uint32_t>(*bytes));
  }
  return {};
}

/// The sizes to measure, the smallest first.
std::expected<std::vector<std::uint64_t>, std::string> read_options(BenchOptions& options) {
  if (const auto chosen = choose_mechanisms(options); !chosen) {
    return std::unexpected(chosen.error());
  }
  if (const auto chosen = choose_blocks(options); !chosen) return std::unexpected(chosen.error());
  const auto rounds = bench::check_rounds(options.settings.min_rounds, options.settings.max_rounds);
  if (!rounds) return std::unexpected(rounds.error());
  if (const auto checked = check_conditions(options); !checked) {
    return std::unexpected(checked.error());
  }
  return parse_sizes(options.sizes);
}

/// One line that is written over, on a terminal only.
void show_progress(std::string_view text) { fmt::print(stderr, "\r{:<78}\r", text.substr(0, 78)); }

std::expected<bench::Series, std::string> run_and_sample(const bench::Payload& payload,
                                                         const bench::Pair& pair,
                                                         const bench::Settings& settings) {
  auto series = bench::run_series(payload, pair, settings);
  if (!series) return series;
  const auto sampled = bench::sample_rows(payload, settings, *series);
  if (!sampled) return std::unexpected(sampled.error());
  return series;
}

std::expected<void, std::string> run_bench(BenchOptions& options,
                                           const std::vector<std::uint64_t>& sizes) {
  auto outputs = bench::Outputs::begin(options.outputs);
  if (!outputs) return std::unexpected(outputs.error());
  const std::vector<bench::Pair> pairs = pairs_of(options);
  std::optional<os::VethPair> veth;
  if (pairs.front().path == bench::Path::veth) {
    // First of all: it may change what this process is permitted.
    auto made = os::VethPair::create();
    if (!made) return std::unexpected(made.error().message());
    veth.emplace(std::move(*made));
  }
  auto file =
      bench::make_payload(options.folder, sizes.back(), room_for(pairs), pairs.front().cache);
  if (!file) return std::unexpected(file.error());

  const bench::Origin origin = bench::origin_here();
  const HostCosts host = host_costs();
  if (!host.warning.empty()) fmt::print(stderr, "leat bench transfer: {}\n", host.warning);
  const bool show = os::is_terminal(FdRef(2));
  if (show) options.settings.progress = show_progress;
  std::vector<bench::Series> all;
  for (const bench::Pair& pair : pairs) {
    for (const std::uint64_t size : sizes) {
      // Smaller sizes are the file's beginning.
      const bench::Payload payload{file->file, size, options.folder, veth ? &*veth : nullptr,
                                   host.costs};
      auto series = run_and_sample(payload, pair, options.settings);
      if (show) show_progress("");
      if (!series) return std::unexpected(series.error());
      if (!options.outputs.prints_json()) {
        fmt::print("{}\n", bench::format_table(*series));
        std::fflush(stdout);
      }
      all.push_back(std::move(*series));
    }
  }
  const std::string json = bench::format_json(origin, all);
  fmt::print("{}", options.outputs.prints_json() ? json : bench::format_origin(origin));
  return outputs->put(json);
}

int bench_transfer(BenchOptions& options) {
  const auto sizes = read_options(options);
  if (!sizes) {
    fmt::print(stderr, "leat bench transfer: {}\n", sizes.error());
    return exit_usage;
  }
  const auto done = run_bench(options, *sizes);
  if (done) return exit_done;
  fmt::print(stderr, "leat bench transfer: {}\n", done.error());
  return exit_failed;
}

constexpr const char* explanation =
    R"(Moves the same bytes again and again, each time in a fresh process: from a warm or cold file,
from memory, or from a process that feeds a pipe or a TCP connection; over TCP, a UNIX socket or a
pipe to a process that receives them, and to a new file. All mechanisms that fit take turns in a
round; what counts are the medians of the ratios of runs of the same round. Rounds are added until
each 95 % interval is at most +-7 % wide; a row that needs more than --max-pairs rounds for that is
reported as failed. Of small messages (up to 64 KiB, from a file or memory to a socket) a run is
many requests over one connection, with p50, p99 and CPU time of each, and system calls by hand
beside leat's mechanisms; +-10 % is enough there.

Examples:
  leat bench transfer                                 1 GiB of a file, all sinks and mechanisms
  leat bench transfer --sink tcp --size 256MiB
  leat bench transfer --source memory --sink tcp --size 64..16KiB
  leat bench transfer --source memory --sink tcp
  leat bench transfer --source tcp --sink file --size 256MiB
  leat bench transfer --sink tcp --receiver copy      the receiver reads what it gets
  leat bench transfer --sink tcp --cold --size 256MiB from the disk, not from the page cache
  sudo leat bench transfer --sink tcp --path veth     between two network namespaces
  leat bench transfer --mechanism sendfile auto --json
  leat bench transfer --sink tcp --block-size 32KiB 2MiB
  leat bench transfer --json=results.json --html results.html

Exit status: 0 done, also if a limit is not met or a row has not settled; 1 a run failed or lost
bytes; 2 wrong usage.)";

void add_transfer(CLI::App& bench, int& exit_status) {
  auto options = std::make_shared<BenchOptions>();
  options->folder = default_folder();
  CLI::App* command = bench.add_subcommand("transfer", "What each mechanism costs, side by side");
  command->footer(explanation);
  command
      ->add_option("--size", options->sizes,
                   "How much is moved: sizes, or ranges of them in steps of 16: 64..1GiB")
      ->capture_default_str();
  command
      ->add_option("--source", options->source,
                   "Where it comes from: file, memory, pipe, tcp or all")
      ->check(CLI::IsMember({"file", "memory", "pipe", "tcp", "all"}))
      ->capture_default_str();
  command->add_option("--sink", options->sink, "Where it goes: tcp, unix, pipe, file or all")
      ->check(CLI::IsMember({"tcp", "unix", "pipe", "file", "all"}))
      ->capture_default_str();
  command
      ->add_option("--receiver", options->receiver,
                   "What the receiver does: truncate (discards without copying) or copy")
      ->check(CLI::IsMember({"truncate", "copy"}))
      ->capture_default_str();
  command->add_flag("--cold", options->cold,
                    "Drop the file from the page cache before every run (--source file)");
  command->add_option("--path", options->path, "What TCP passes: loopback, or veth (root)")
      ->check(CLI::IsMember({"loopback", "veth"}))
      ->capture_default_str();
  command->add_option("--mechanism", options->mechanisms,
                      "Only these, and the baseline; 'auto' is the planner's choice");
  command->add_option("--block-size", options->blocks, "Blocks of read_write to look at");
  bench::add_round_options(*command, options->settings.min_rounds, options->settings.max_rounds);
  command->add_option("--dir", options->folder, "Folder of the files ($TMPDIR or /var/tmp)")
      ->capture_default_str();
  options->outputs.add_options(*command);
  command->callback([options, &exit_status] { exit_status = bench_transfer(*options); });
}

}  // namespace

void add_bench(CLI::App& root, int& exit_status) {
  CLI::App* bench = root.add_subcommand("bench", "Measure on this host");
  bench->require_subcommand(1);
  bench->footer(
      "See leat bench transfer --help, and likewise of claims, planner, memory, read and page.");
  add_transfer(*bench, exit_status);
  bench::add_claims_command(*bench, default_folder(), show_progress, exit_status);
  planner::add_regret_command(*bench, default_folder(), show_progress, exit_status);
  memory::add_memory_command(*bench, show_progress, exit_status);
  memory::add_read_command(*bench, default_folder(), show_progress, exit_status);
  add_bench_page(*bench, exit_status);
}

}  // namespace leat::app
