// Goal: a page that is whole, needs nothing from elsewhere, and lets no text become markup.

#include "html/page.h"

#include <cstddef>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "html/markup.h"

namespace leat::app::html {
namespace {

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size())
    ++found;
  return found;
}

Page example() {
  Page page("leat & <script>", "a \"subtitle\"");
  page.heading("File to TCP");
  page.paragraph("1 < 2");
  page.add(BarChart{.title = "Time",
                    .first_name = "wall",
                    .second_name = "CPU",
                    .unit = " s",
                    .bars = {{"read_write 64K", {0.3, 0.29, 0.32}, {0.31, 0.3, 0.33}, "baseline"},
                             {"sendfile", {0.08, 0.08, 0.08}, {0.07, 0.06, 0.09}, ""}},
                    .mark = 0.3},
           "leat bench transfer; Linux");
  page.add(StackChart{.title = "Where the CPU time went",
                      .part_names = {"copying", "other"},
                      .stacks = {{"read_write", {0.4, 0.6}, "± 2"}, {"sendfile", {0, 1}, ""}}},
           "o");
  page.add(CurveChart{.title = "Crossover",
                      .x_name = "size",
                      .y_name = "ns/KiB",
                      .x_ticks = {{1024, "1K"}, {1048576, "1M"}},
                      .curves = {{"sendfile", {{1024, 500}, {65536, 60}, {1048576, 40}}},
                                 {"splice", {{1024, 900}, {65536, 60}, {1048576, 25}}}}},
           "o");
  page.add(Table{.columns = {"mechanism", "calls"}, .rows = {{"<b>", "512"}}});
  page.verbatim("a  table\n <here>");
  page.origin("leat bench transfer; Linux");
  return page;
}

TEST(PageTest, escapes_every_text) {
  const std::string page = example().render();
  EXPECT_EQ(count(page, "<script"), 0u);
  EXPECT_EQ(count(page, "<b>"), 0u);
  EXPECT_EQ(count(page, "<here>"), 0u);
  EXPECT_EQ(count(page, "leat &amp; &lt;script&gt;"), 2u) << "title and heading";
}

TEST(PageTest, needs_nothing_from_elsewhere) {
  const std::string page = example().render();
  EXPECT_EQ(count(page, "http"), 0u);
  EXPECT_EQ(count(page, "src="), 0u);
  EXPECT_EQ(count(page, "@import"), 0u);
  EXPECT_EQ(count(page, "url("), 0u);
}

TEST(PageTest, draws_each_chart_with_what_it_was_given) {
  const std::string page = example().render();
  EXPECT_EQ(count(page, "<svg "), 3u);
  EXPECT_EQ(count(page, "</svg>"), 3u);
  EXPECT_EQ(count(page, "class=\"whisker\""), 3u) << "one interval has no width";
  EXPECT_EQ(count(page, "<polyline "), 2u);
  EXPECT_NE(page.find("0.30 s [0.29–0.32]"), std::string::npos);
  EXPECT_EQ(count(page, ">read_write 64K<"), 1u);
  EXPECT_EQ(count(page, ">baseline<"), 1u);
  EXPECT_EQ(count(page, "class=\"mark\""), 1u);
  EXPECT_EQ(count(page, "nan"), 0u);
  EXPECT_EQ(count(page, "inf"), 0u);
}

TEST(PageTest, charts_without_figures_are_still_charts) {
  Page page("t", "s");
  page.add(BarChart{}, "");
  page.add(StackChart{}, "");
  CurveChart curves;
  curves.curves = {{"empty", {}}, {"point", {{1, 1}}}};
  page.add(curves, "");
  const std::string text = page.render();
  EXPECT_EQ(count(text, "<svg "), 3u);
  EXPECT_EQ(count(text, "nan"), 0u);
}

TEST(PageTest, a_bar_far_beyond_the_mark_is_cut) {
  Page page("t", "s");
  page.add(BarChart{.title = "t",
                    .first_name = "a",
                    .second_name = "b",
                    .unit = "",
                    .bars = {{"x", {1, 1, 1}, {40, 39, 41}, ""}},
                    .mark = 1},
           "");
  const std::string text = page.render();
  EXPECT_EQ(count(text, "class=\"cut\""), 1u);
  EXPECT_EQ(count(text, "class=\"whisker\""), 0u);
  EXPECT_NE(text.find("40.0 [39.0–41.0]"), std::string::npos) << "its figures are whole";
}

TEST(PageTest, groups_close_what_they_open) {
  Page page("t", "s");
  page.heading("one");
  page.open_fold("more <b>");
  page.add(BarChart{}, "");
  page.add(StackChart{}, "");
  page.close_fold();
  page.heading("two");
  page.add(Card{.title = "claim", .badge = "holds", .texts = {{"here", "<i>"}}});
  page.add(BarChart{}, "");
  const std::string text = page.render();
  EXPECT_EQ(count(text, "<div"), count(text, "</div>"));
  EXPECT_EQ(count(text, "<div class=\"charts\">"), 2u) << "neighbours share one";
  EXPECT_LT(text.find("</div>\n</details>"), text.find("id=\"part-2\""));
  EXPECT_EQ(count(text, "<a href=\"#part-"), 2u);
  EXPECT_EQ(count(text, "<b>") + count(text, "<i>"), 0u);
}

TEST(PageTest, a_chart_alone_is_a_document) {
  const std::string svg = svg_document({.title = "t",
                                        .first_name = "a",
                                        .second_name = "b",
                                        .unit = "",
                                        .bars = {{"x", {1, 1, 1}, {2, 2, 2}, ""}}},
                                       "under it <b>");
  EXPECT_EQ(svg.find("<svg "), 0u);
  EXPECT_EQ(count(svg, " xmlns="), 1u);
  EXPECT_EQ(count(svg, "class=\"paper\""), 1u);
  EXPECT_EQ(count(svg, "under it &lt;b&gt;"), 1u);
  EXPECT_EQ(count(svg, "<style>"), 1u);
}

TEST(MarkupTest, figures_are_short) {
  EXPECT_EQ(short_figure(0), "0");
  EXPECT_EQ(short_figure(0.0254), "0.025");
  EXPECT_EQ(short_figure(0.2544), "0.25");
  EXPECT_EQ(short_figure(1.204), "1.20");
  EXPECT_EQ(short_figure(12.52), "12.5");
  EXPECT_EQ(short_figure(1200.4), "1200");
}

}  // namespace
}  // namespace leat::app::html
