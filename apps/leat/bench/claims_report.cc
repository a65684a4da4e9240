#include <algorithm>
#include <cassert>
#include <cstddef>
#include <string>

#include <fmt/core.h>

#include "bench/claims.h"
#include "bench/claims_textbook.h"

namespace leat::app::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t columns = 100;

/// Continuation bytes of UTF-8 take no column.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// Takes the next word from `text`. An interval, "[28 to 32]", belongs to the word before it.
std::string_view take_word(std::string_view& text) {
  std::size_t end = text.find(' ');
  while (end < text.size() && end + 1 < text.size() && text[end + 1] == '[') {
    end = text.find(' ', std::min(text.find(']', end), text.size()));
  }
  end = std::min(end, text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

/// `label` and then `text`, wrapped at spaces, the further lines indented as far as the first.
std::string wrap(std::string_view label, std::string_view text) {
  const std::string indent(label.size(), ' ');
  std::string result;
  std::string line(label);
  bool is_empty = true;
  while (!text.empty()) {
    const std::string_view word = take_word(text);
    if (!is_empty && width_of(line) + 1 + width_of(word) > columns) {
      result += line + "\n";
      line = indent;
      is_empty = true;
    }
    line += (is_empty ? "" : " ") + std::string(word);
    is_empty = false;
  }
  return result + line + "\n";
}

/// As people read it; the JSON has one word.
std::string_view words_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::holds: return "HOLDS";
    case Verdict::fails: return "DOES NOT HOLD HERE";
    case Verdict::depends: return "DEPENDS";
    case Verdict::not_told_apart: return "NOT TOLD APART";
    case Verdict::not_measurable: return "CANNOT BE MEASURED HERE";
  }
  return "UNKNOWN";
}

}  // namespace

std::string_view name_of(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::holds: return "holds";
    case Verdict::fails: return "fails";
    case Verdict::depends: return "depends";
    case Verdict::not_told_apart: return "not_told_apart";
    case Verdict::not_measurable: return "not_measurable";
  }
  return "unknown";
}

Claim unanswered(int number) {
  const auto claims = textbook();
  const auto found = std::find_if(claims.begin(), claims.end(), [&](const TextbookClaim& claim) {
    return claim.number == number;
  });
  assert(found != claims.end());
  Claim claim;
  claim.number = number;
  claim.text = found->text;
  claim.textbook = found->figures;
  return claim;
}

std::string format_claims_json(const Origin& origin, const std::vector<Claim>& claims) {
  Json list = Json::array();
  for (const Claim& claim : claims) {
    list.push_back({{"number", claim.number},
                    {"claim", claim.text},
                    {"textbook", claim.textbook},
                    {"here", claim.here},
                    {"verdict", name_of(claim.verdict)},
                    {"why", claim.why},
                    {"figures", claim.figures}});
  }
  Json report = origin_json(origin);
  report["claims"] = list;
  return report.dump() + "\n";
}

std::string format_claims(const std::vector<Claim>& claims) {
  std::string text;
  for (const Claim& claim : claims) {
    text += wrap(fmt::format("{:>2}  ", claim.number), claim.text);
    text += wrap("    textbook  ", claim.textbook);
    text += wrap("    here      ", claim.here);
    text += wrap("    verdict   ", fmt::format("{}: {}", words_of(claim.verdict), claim.why));
    text += "\n";
  }
  return text;
}

}  // namespace leat::app::bench
