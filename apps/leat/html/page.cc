#include "html/page.h"

#include <cstddef>

#include <fmt/format.h>

#include "html/charts.h"
#include "html/markup.h"
#include "html/style.h"

namespace leat::app::html {
namespace {

std::string cells(const std::vector<std::string>& texts, std::string_view tag) {
  std::string row;
  for (const std::string& text : texts) row += fmt::format("<{0}>{1}</{0}>", tag, escape(text));
  return row;
}

}  // namespace

std::string svg_element(std::string_view title, const Drawing& drawing) {
  return fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">{}</svg>",
      chart_width, drawing.height, escape(title), drawing.marks);
}

void Page::put(std::string_view markup) {
  if (among_charts_) body_ += "</div>\n";
  among_charts_ = false;
  body_ += markup;
}

void Page::add_figure(std::string_view title, std::string_view svg, std::string_view origin) {
  if (!among_charts_) body_ += "<div class=\"charts\">\n";
  among_charts_ = true;
  body_ +=
      fmt::format("<figure><h4>{}</h4>{}<figcaption class=\"origin\">{}</figcaption></figure>\n",
                  escape(title), svg, escape(origin));
}

void Page::heading(std::string_view text) {
  headings_.emplace_back(text);
  put(fmt::format("<h2 id=\"part-{}\">{}</h2>\n", headings_.size(), escape(text)));
}

void Page::subheading(std::string_view text) { put(fmt::format("<h3>{}</h3>\n", escape(text))); }

void Page::paragraph(std::string_view text) { put(fmt::format("<p>{}</p>\n", escape(text))); }

void Page::verbatim(std::string_view text) { put(fmt::format("<pre>{}</pre>\n", escape(text))); }

void Page::add(const BarChart& chart, std::string_view origin) {
  add_figure(chart.title, svg_element(chart.title, compose(chart)), origin);
}
void Page::add(const StackChart& chart, std::string_view origin) {
  add_figure(chart.title, svg_element(chart.title, compose(chart)), origin);
}
void Page::add(const CurveChart& chart, std::string_view origin) {
  add_figure(chart.title, svg_element(chart.title, compose(chart)), origin);
}

void Page::add(const HeatMap& map, std::string_view origin) {
  add_figure(map.title, svg_element(map.title, compose(map)), origin);
}

void Page::add(const Table& table) {
  // With a name and a place in the order of tabs, so that it can be scrolled by keyboard.
  put("<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>" + cells(table.columns, "th") +
      "</tr></thead><tbody>\n");
  for (const auto& row : table.rows) body_ += "<tr>" + cells(row, "td") + "</tr>\n";
  body_ += "</tbody></table></div>\n";
}

void Page::add(const Card& card) {
  put(fmt::format("<article><h3>{} <span class=\"badge {}\">{}</span></h3><dl>", escape(card.title),
                  card.good ? "good" : "bad", escape(card.badge)));
  for (const auto& [name, text] : card.texts) {
    body_ += fmt::format("<dt>{}</dt><dd>{}</dd>", escape(name), escape(text));
  }
  body_ += "</dl></article>\n";
}

void Page::origin(std::string_view text) {
  put(fmt::format("<p class=\"origin\">{}</p>\n", escape(text)));
}

void Page::open_fold(std::string_view title, bool is_open) {
  put(fmt::format("<details{}><summary>{}</summary>\n", is_open ? " open" : "", escape(title)));
}

void Page::close_fold() { put("</details>\n"); }

std::string Page::render() const {
  std::string contents;
  for (std::size_t index = 0; headings_.size() > 1 && index < headings_.size(); ++index) {
    contents +=
        fmt::format("<li><a href=\"#part-{}\">{}</a></li>\n", index + 1, escape(headings_[index]));
  }
  if (!contents.empty()) contents = "<nav><ul>\n" + contents + "</ul></nav>\n";
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n"
      "<title>{0}</title>\n<style>{1}{2}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n"
      "<p class=\"soft\">{3}</p>\n{4}{5}{6}</main>\n</body>\n</html>\n",
      escape(title_), page_style, chart_style, escape(subtitle_), contents, body_,
      among_charts_ ? "</div>\n" : "");
}

std::string svg_document(const BarChart& chart, std::string_view subtitle) {
  constexpr double edge = 12;
  constexpr double title_height = 38;
  const Drawing drawing = compose(chart);
  const double width = chart_width + 2 * edge;
  const double height = drawing.height + 2 * edge + title_height;
  return fmt::format(
      "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "width=\"{2:.0f}\" height=\"{3:.0f}\" role=\"img\" aria-label=\"{4}\"><style>{5}</style>"
      "<rect class=\"paper\" width=\"{0:.0f}\" height=\"{1:.0f}\" rx=\"6\"/>"
      "<text class=\"title\" x=\"{6:.0f}\" y=\"{7:.0f}\">{4}</text>"
      "<text class=\"faint\" x=\"{6:.0f}\" y=\"{10:.0f}\">{11}</text>"
      "<g transform=\"translate({6:.0f} {8:.0f})\">{9}</g></svg>\n",
      width, height, 1.6 * width, 1.6 * height, escape(chart.title), chart_style, edge, edge + 11,
      edge + title_height, drawing.marks, edge + 26, escape(subtitle));
}

}  // namespace leat::app::html
