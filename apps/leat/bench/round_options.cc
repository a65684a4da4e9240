#include "bench/round_options.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

namespace leat::app::bench {

void add_round_options(CLI::App& command, int& min_rounds, int& max_rounds) {
  command.add_option("--pairs", min_rounds, "Rounds at least")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--max-pairs", max_rounds, "Rounds at most")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
}

std::expected<void, std::string> check_rounds(int min_rounds, int max_rounds) {
  if (min_rounds <= max_rounds) return {};
  return std::unexpected(
      fmt::format("--pairs {} is more than --max-pairs {}", min_rounds, max_rounds));
}

}  // namespace leat::app::bench
