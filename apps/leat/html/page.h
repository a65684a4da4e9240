/// One self-contained HTML page with charts and tables: what reports are written with.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leat::app::html {

/// A figure with its 95 % interval.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;
};

/// One row of a bar chart: two figures that belong together.
struct BarPair {
  std::string label;
  Estimate first;
  Estimate second;
  std::string note;  ///< behind the label, e.g. "noise"; may be empty
};

struct BarChart {
  std::string title;
  std::string first_name;  ///< of the legend
  std::string second_name;
  std::string unit;  ///< behind figures
  std::vector<BarPair> bars;
  /// A line at this figure, e.g. 1 of ratios; none at 0. Bars longer than four times that are cut.
  double mark = 0;
};

/// One bar made of parts that sum to at most 1.
struct Stack {
  std::string label;
  std::vector<double> parts;  ///< one for each name of the chart
  std::string note;           ///< behind the bar, e.g. "± 2, n = 2104"
};

struct StackChart {
  std::string title;
  std::vector<std::string> part_names;  ///< at most four, in two lines of the legend
  std::vector<Stack> stacks;
};

/// One line of a curve chart: its points in order of x.
struct Curve {
  std::string label;
  std::vector<std::pair<double, double>> points;
};

/// Both axes are logarithmic.
struct CurveChart {
  std::string title;
  std::string x_name;
  std::string y_name;
  std::vector<std::pair<double, std::string>> x_ticks;  ///< those that have no room are left out
  std::vector<Curve> curves;                            ///< at most ten
};

struct HeatCell {
  double value = 0;
  bool counts = true;  ///< false: shown pale, without a colour
};
struct HeatRow {
  std::string label;
  std::vector<std::optional<HeatCell>> cells;  ///< one for each column
};

/// Figures whose colour says how bad they are.
struct HeatMap {
  std::string title;
  std::vector<std::string> columns;
  std::vector<HeatRow> rows;
  double calm = 0;   ///< no colour up to here
  double alarm = 1;  ///< full colour from here on
};

struct Table {
  std::vector<std::string> columns;  ///< the first is of text, the others of figures
  std::vector<std::vector<std::string>> rows;
};

/// A statement and what became of it: a heading, a word that stands out, and texts with their
/// names.
struct Card {
  std::string title;
  std::string badge;
  bool good = true;  ///< the badge's colour
  std::vector<std::pair<std::string, std::string>> texts;
};

/// Sections in order. Every text is escaped: nothing that is put in becomes markup.
class Page {
 public:
  Page(std::string title, std::string subtitle)
      : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

  /// Also listed at the top, once there are several.
  void heading(std::string_view text);
  void subheading(std::string_view text);
  void paragraph(std::string_view text);
  /// As it was printed in a terminal.
  void verbatim(std::string_view text);
  /// Charts that follow one another stand side by side where there is room. `origin`: what was run,
  /// and where; under every chart.
  void add(const BarChart& chart, std::string_view origin);
  void add(const StackChart& chart, std::string_view origin);
  void add(const CurveChart& chart, std::string_view origin);
  void add(const HeatMap& map, std::string_view origin);
  void add(const Table& table);
  void add(const Card& card);
  /// What was run, and where, under a table.
  void origin(std::string_view text);
  /// What is added until `close_fold` shows when the reader opens it, or until it is closed.
  void open_fold(std::string_view title, bool is_open = false);
  void close_fold();

  /// The whole page: no script, nothing from elsewhere, light or dark as the reader has it.
  std::string render() const;

 private:
  std::string title_;
  std::string subtitle_;
  void put(std::string_view markup);
  void add_figure(std::string_view title, std::string_view svg, std::string_view origin);

  std::string body_;
  std::vector<std::string> headings_;
  bool among_charts_ = false;
};

/// The chart alone, as an SVG document of its own with a background, e.g. for a README: light or
/// dark as the reader has it. Its title and the subtitle stand above it.
std::string svg_document(const BarChart& chart, std::string_view subtitle);

}  // namespace leat::app::html
