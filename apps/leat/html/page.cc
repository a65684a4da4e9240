#include "html/page.h"

#include <fmt/format.h>

#include "html/charts.h"
#include "html/markup.h"
#include "html/style.h"

namespace leat::app::html {
namespace {

std::string figure(std::string_view title, const std::string& svg) {
  return fmt::format("<figure><h3>{}</h3>{}</figure>\n", escape(title), svg);
}

std::string cells(const std::vector<std::string>& texts, std::string_view tag) {
  std::string row;
  for (const std::string& text : texts) row += fmt::format("<{0}>{1}</{0}>", tag, escape(text));
  return row;
}

}  // namespace

void Page::heading(std::string_view text) { body_ += fmt::format("<h2>{}</h2>\n", escape(text)); }

void Page::paragraph(std::string_view text) { body_ += fmt::format("<p>{}</p>\n", escape(text)); }

void Page::verbatim(std::string_view text) {
  body_ += fmt::format("<pre>{}</pre>\n", escape(text));
}

void Page::add(const BarChart& chart) { body_ += figure(chart.title, draw(chart)); }
void Page::add(const StackChart& chart) { body_ += figure(chart.title, draw(chart)); }
void Page::add(const CurveChart& chart) { body_ += figure(chart.title, draw(chart)); }

void Page::add(const Table& table) {
  body_ += "<div class=\"scroll\"><table><thead><tr>" + cells(table.columns, "th") +
           "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) body_ += "<tr>" + cells(row, "td") + "</tr>\n";
  body_ += "</tbody></table></div>\n";
}

void Page::origin(std::string_view text) {
  body_ += fmt::format("<p class=\"origin\">{}</p>\n", escape(text));
}

std::string Page::render() const {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n"
      "<title>{0}</title>\n<style>{1}{2}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n"
      "<p class=\"soft\">{3}</p>\n{4}</main>\n</body>\n</html>\n",
      escape(title_), page_style, chart_style, escape(subtitle_), body_);
}

std::string svg_document(const BarChart& chart) {
  std::string svg = draw(chart);
  const std::string head = "<svg ";
  svg.insert(head.size(), "xmlns=\"http://www.w3.org/2000/svg\" ");
  svg.insert(svg.find('>') + 1, fmt::format("<style>{}</style>", chart_style));
  return svg;
}

}  // namespace leat::app::html
