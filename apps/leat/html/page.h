/// One self-contained HTML page with charts and tables: what reports are written with.
#pragma once

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
};

/// One bar made of parts that sum to at most 1.
struct Stack {
  std::string label;
  std::vector<double> parts;  ///< one for each name of the chart
  std::string note;           ///< behind the bar, e.g. "± 2, n = 2104"
};

struct StackChart {
  std::string title;
  std::vector<std::string> part_names;  ///< at most four
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
  std::vector<std::pair<double, std::string>> x_ticks;
  std::vector<Curve> curves;  ///< at most eight
};

struct Table {
  std::vector<std::string> columns;  ///< the first is of text, the others of figures
  std::vector<std::vector<std::string>> rows;
};

/// Sections in order. Every text is escaped: nothing that is put in becomes markup.
class Page {
 public:
  Page(std::string title, std::string subtitle)
      : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

  void heading(std::string_view text);
  void paragraph(std::string_view text);
  /// As it was printed in a terminal.
  void verbatim(std::string_view text);
  void add(const BarChart& chart);
  void add(const StackChart& chart);
  void add(const CurveChart& chart);
  void add(const Table& table);
  /// What was run, and where: under every chart that it made.
  void origin(std::string_view text);

  /// The whole page: no script, nothing from elsewhere, light or dark as the reader has it.
  std::string render() const;

 private:
  std::string title_;
  std::string subtitle_;
  std::string body_;
};

/// The chart alone, as an SVG document of its own, e.g. for a README.
std::string svg_document(const BarChart& chart);

}  // namespace leat::app::html
