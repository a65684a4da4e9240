#include <string>

#include <fmt/format.h>

#include "bench/page_parts.h"

namespace leat::app::bench {
namespace {

/// "not_measurable" as people write it.
std::string verdict_text(std::string verdict) {
  for (char& letter : verdict) {
    if (letter == '_') letter = ' ';
  }
  return verdict;
}

}  // namespace

std::string flaw_of_claims(const Json& result) {
  for (const Json& claim : at(result, "claims")) {
    if (!number_at(claim, "number") || text_at(claim, "claim").empty() ||
        text_at(claim, "verdict").empty()) {
      return "a claim has no \"number\", \"claim\" or \"verdict\"";
    }
  }
  return at(result, "claims").empty() ? "has no claims" : "";
}

void add_claims(html::Page& page, const Json& result) {
  page.heading("What the textbooks claim");
  for (const Json& claim : at(result, "claims")) {
    const std::string verdict = text_at(claim, "verdict");
    page.add(html::Card{
        .title = fmt::format("{:.0f}. {}", *number_at(claim, "number"), text_at(claim, "claim")),
        .badge = verdict_text(verdict),
        .good = verdict == "holds",
        .texts = {{"textbook", text_at(claim, "textbook")},
                  {"here", text_at(claim, "here")},
                  {"why", text_at(claim, "why")}}});
  }
  page.origin(origin_of(result));
}

}  // namespace leat::app::bench
