/// The program's subcommands: each registers itself and leaves the exit status behind.
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace leat::app {

/// Exit statuses of every subcommand. After a signal the program raises it again instead.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

void add_bench(CLI::App& root, int& exit_status);
/// `leat bench page`, below `leat bench`.
void add_bench_page(CLI::App& bench, int& exit_status);
void add_copy(CLI::App& root, int& exit_status);
void add_calibrate(CLI::App& root, int& exit_status);
void add_explain(CLI::App& root, int& exit_status);
void add_probe(CLI::App& root, int& exit_status);

}  // namespace leat::app
