/// How many rounds a command may take: --pairs and --max-pairs.
#pragma once

#include <expected>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace leat::app::bench {

/// Both must outlive the parsing.
void add_round_options(CLI::App& command, int& min_rounds, int& max_rounds);

/// An error, one line, if --pairs is more than --max-pairs.
std::expected<void, std::string> check_rounds(int min_rounds, int max_rounds);

}  // namespace leat::app::bench
