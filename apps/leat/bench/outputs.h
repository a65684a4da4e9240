/// Where the results of a command go, besides its tables: --json and --html.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "bench/output_file.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace leat::app::bench {

/// What the user asked for.
struct OutputPaths {
  std::string json;  ///< a file; "true", as CLI11 has it, is standard output; empty: no JSON
  std::string html;

  /// Instead of tables.
  bool prints_json() const { return json == "true"; }
  /// `this` must outlive the parsing.
  void add_options(CLI::App& command);
};

/// The files, begun before the first run: a path that cannot be written is then told at once.
class Outputs {
 public:
  static std::expected<Outputs, std::string> begin(const OutputPaths& paths);

  /// Writes the result, and the page that shows it. To be called once. The error is one line.
  std::expected<void, std::string> put(const std::string& json);

 private:
  std::optional<OutputFile> json_;
  std::optional<OutputFile> html_;
};

}  // namespace leat::app::bench
