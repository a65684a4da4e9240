#include "bench/page.h"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/page_parts.h"
#include "html/page.h"

namespace leat::app::bench {
namespace {

/// A kind of result, known by a key that no other has.
struct Kind {
  std::string_view key;
  std::string (*flaw)(const Json&);
  void (*add)(html::Page&, const Json&);
};

constexpr std::array<Kind, 4> kinds{{{"rows", flaw_of_transfer, add_transfer},
                                     {"groups", flaw_of_peers, add_peers},
                                     {"claims", flaw_of_claims, add_claims},
                                     {"comparisons", flaw_of_memory, add_memory}}};

/// Found, and whole enough to be shown.
struct Result {
  Json json;
  const Kind* kind = nullptr;
};

std::expected<Result, std::string> read(const ResultText& text) {
  Result result{Json::parse(text.json, nullptr, false), nullptr};
  if (result.json.is_discarded()) {
    return std::unexpected(fmt::format("{}: is not JSON", text.name));
  }
  for (const Kind& kind : kinds) {
    if (at(result.json, kind.key).is_array()) result.kind = &kind;
  }
  if (!result.kind) {
    return std::unexpected(fmt::format(
        "{}: is no result of leat bench transfer, claims, memory or read, or of scripts/bench "
        "peers",
        text.name));
  }
  if (const std::string flaw = result.kind->flaw(result.json); !flaw.empty()) {
    return std::unexpected(fmt::format("{}: {}", text.name, flaw));
  }
  return result;
}

std::expected<std::vector<Result>, std::string> read_all(std::span<const ResultText> texts) {
  std::vector<Result> results;
  for (const ResultText& text : texts) {
    auto result = read(text);
    if (!result) return std::unexpected(result.error());
    results.push_back(std::move(*result));
  }
  return results;
}

/// Kernel and processor, if all results are of one host.
std::string host_text(const std::vector<Result>& results) {
  std::string all;
  for (const Result& result : results) {
    const Json& host = at(result.json, "host");
    const std::string text = fmt::format("{} · {}", text_at(host, "kernel"), text_at(host, "cpu"));
    if (all.empty()) all = text;
    if (text_at(host, "cpu") != text_at(at(results.front().json, "host"), "cpu")) {
      return "measured on several machines: each figure says on which";
    }
  }
  return all;
}

}  // namespace

std::expected<std::string, std::string> render_page(std::span<const ResultText> results) {
  const auto read_results = read_all(results);
  if (!read_results) return std::unexpected(read_results.error());
  html::Page page("leat: measured side by side", host_text(*read_results));
  page.paragraph(
      "Every transfer is run in a fresh process; all rows of a table take turns, so that what the "
      "machine does meanwhile meets all of them. Ratios are medians of runs of the same round with "
      "their 95\u00a0% "
      "interval; below 1 is better, and ~ means that the interval contains 1: not told apart.");
  for (const Result& result : *read_results) result.kind->add(page, result.json);
  return page.render();
}

std::expected<std::string, std::string> render_picture(std::span<const ResultText> results) {
  const auto read_results = read_all(results);
  if (!read_results) return std::unexpected(read_results.error());
  for (const Result& result : *read_results) {
    if (result.kind->add != add_transfer || at(result.json, "rows").empty()) continue;
    const Picture picture = picture_of(result.json);
    return html::svg_document(picture.chart, picture.subtitle);
  }
  return std::unexpected("there is no result of leat bench transfer to draw");
}

}  // namespace leat::app::bench
