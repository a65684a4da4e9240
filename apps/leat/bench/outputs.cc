#include "bench/outputs.h"

#include <vector>

#include <CLI/CLI.hpp>

#include "bench/page.h"

namespace leat::app::bench {

void OutputPaths::add_options(CLI::App& command) {
  command.add_flag("--json", json,
                   "Print one line of JSON instead of tables; --json=FILE: write it there, too");
  command.add_option("--html", html, "Write a page with charts and all figures");
}

std::expected<Outputs, std::string> Outputs::begin(const OutputPaths& paths) {
  Outputs outputs;
  if (!paths.json.empty() && !paths.prints_json()) {
    auto file = OutputFile::begin(paths.json);
    if (!file) return std::unexpected(file.error());
    outputs.json_.emplace(std::move(*file));
  }
  if (!paths.html.empty()) {
    auto file = OutputFile::begin(paths.html);
    if (!file) return std::unexpected(file.error());
    outputs.html_.emplace(std::move(*file));
  }
  return outputs;
}

std::expected<void, std::string> Outputs::put(const std::string& json) {
  if (json_) {
    if (const auto put = json_->put(json); !put) return put;
  }
  if (!html_) return {};
  const std::vector<ResultText> results{{"the results", json}};
  const auto page = render_page(results);
  return page ? html_->put(*page) : std::unexpected(page.error());
}

}  // namespace leat::app::bench
