#include "probe/format_text.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "receipt_format.h"

namespace leat::app::probe {
namespace {

constexpr std::size_t columns = 100;
constexpr std::size_t shortest_name = 16;
constexpr std::size_t longest_name = 26;
constexpr std::size_t verdict_width = 9;
constexpr std::string_view indent = "  ";

/// Pieces of `text` of at most `width` bytes, cut at blanks where that is possible.
std::vector<std::string_view> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string_view> lines;
  while (text.size() > width) {
    const std::size_t blank = text.rfind(' ', width);
    const bool cut = blank == std::string_view::npos || blank == 0;
    lines.push_back(text.substr(0, cut ? width : blank));
    text.remove_prefix(cut ? width : blank + 1);
  }
  if (!text.empty()) lines.push_back(text);
  return lines;
}

std::size_t name_width(const Findings& findings, Section section) {
  std::size_t width = shortest_name;
  for (const Finding& finding : findings) {
    if (finding.section == section && finding.name.size() <= longest_name)
      width = std::max(width, finding.name.size());
  }
  return width;
}

void append_finding(std::string& text, const Finding& finding, std::size_t width) {
  const std::string name = printable(finding.name);
  const std::string detail = printable(finding.detail);
  const std::size_t before = indent.size() + width + 1 + verdict_width;
  std::string line = fmt::format("{}{:<{}} ", indent, name, width);
  if (name.size() > width) {
    // Too long a path has lines of its own.
    for (const std::string_view part : wrap(name, columns - indent.size())) {
      text += fmt::format("{}{}\n", indent, part);
    }
    line = std::string(indent.size() + width + 1, ' ');
  }
  line += fmt::format("{:<{}}", name_of(finding.verdict), verdict_width);
  for (const std::string_view part : wrap(detail, columns - before)) {
    text += line + std::string(part) + "\n";
    line = std::string(before, ' ');
  }
  if (finding.remedy.empty()) return;
  // Not wrapped at the detail's column: a command is to be copied whole.
  const std::string remedy = "=> " + printable(finding.remedy);
  const bool fits = before + remedy.size() <= columns;
  const std::size_t at = fits ? before : indent.size() * 2;
  for (const std::string_view part : wrap(remedy, columns - at)) {
    text += std::string(at, ' ') + std::string(part) + "\n";
  }
}

}  // namespace

std::string as_text(const Findings& findings) {
  std::string text;
  for (const Section section : all_sections) {
    const std::size_t width = name_width(findings, section);
    bool titled = false;
    for (const Finding& finding : findings) {
      if (finding.section != section) continue;
      if (!titled) text += fmt::format("{}{}\n", text.empty() ? "" : "\n", title_of(section));
      titled = true;
      append_finding(text, finding, width);
    }
  }
  return text;
}

}  // namespace leat::app::probe
