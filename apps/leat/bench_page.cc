/// `leat bench page`: kept results as one page.
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "bench/output_file.h"
#include "bench/page.h"
#include "commands.h"

namespace leat::app {
namespace {

struct PageOptions {
  std::vector<std::string> results;
  std::string html;
  std::string svg;
};

using Rendered = std::expected<std::string, std::string>;

std::expected<void, std::string> write_rendered(const std::string& path, const Rendered& text) {
  if (!text) return std::unexpected(text.error());
  auto file = bench::OutputFile::begin(path);
  if (!file) return std::unexpected(file.error());
  return file->put(*text);
}

std::expected<void, std::string> make_page(const PageOptions& options) {
  std::vector<bench::ResultText> results;
  for (const std::string& path : options.results) {
    auto json = bench::read_result(path);
    if (!json) return std::unexpected(json.error());
    results.push_back({path, std::move(*json)});
  }
  if (!options.html.empty()) {
    const auto written = write_rendered(options.html, bench::render_page(results));
    if (!written) return written;
  }
  if (!options.svg.empty()) return write_rendered(options.svg, bench::render_picture(results));
  return {};
}

int bench_page(const PageOptions& options) {
  if (options.html.empty() && options.svg.empty()) {
    fmt::print(stderr, "leat bench page: give --html FILE, --svg FILE or both\n");
    return exit_usage;
  }
  const auto made = make_page(options);
  if (made) return exit_done;
  fmt::print(stderr, "leat bench page: {}\n", made.error());
  return exit_failed;
}

constexpr const char* explanation =
    R"(Reads what leat bench transfer, claims, memory and read, and scripts/bench peers, wrote as
JSON, and makes one page of it that needs nothing from elsewhere, with charts and all figures; or
one chart, the bars of the first pair of ends.

Examples:
  leat bench transfer --sink tcp --json=tcp.json
  leat bench page tcp.json peers.json --html report.html
  leat bench page tcp.json --svg transfer.svg

Exit status: 0 done; 1 a file cannot be read or written, or is no such result, and nothing was
written for it; 2 wrong usage.)";

}  // namespace

void add_bench_page(CLI::App& bench, int& exit_status) {
  auto options = std::make_shared<PageOptions>();
  CLI::App* command = bench.add_subcommand("page", "Kept results as one HTML page");
  command->footer(explanation);
  command->add_option("FILE", options->results, "Results as JSON, in the order of the page")
      ->required();
  command->add_option("--html", options->html, "The page to write, whole or not at all");
  command->add_option("--svg", options->svg, "A picture of the first result, likewise");
  command->callback([options, &exit_status] { exit_status = bench_page(*options); });
}

}  // namespace leat::app
