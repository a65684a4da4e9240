/// The results of `leat bench transfer` for scripts and for people.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/rounds.h"

namespace leat::app::bench {

/// Where and how the figures were made.
struct Origin {
  std::string command;
  std::string kernel;
  std::string cpu;
  unsigned cores = 0;
  double load = 0;  ///< runnable processes when asked, the last minute's average
  std::string compiler;
};

/// Asks the host. To be called before the first run, which is a load itself.
Origin origin_here();

/// What every result begins with: "host", "command", "load".
nlohmann::ordered_json origin_json(const Origin& origin);

/// One line of JSON. Its keys are a contract: they may be added to, never renamed.
std::string format_json(const Origin& origin, const std::vector<Series>& all);

/// Lines of at most 100 columns. First the rows, then what has to be said about them.
std::string format_table(const Series& series);
std::string format_origin(const Origin& origin);

}  // namespace leat::app::bench
