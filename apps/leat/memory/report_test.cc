// Goal: what was measured, what was not, and what a limit came to is said in every output.

#include "memory/report.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bench/page.h"

namespace leat::app::memory {
namespace {

using Json = nlohmann::json;

const bench::Origin origin{.command = "leat bench memory",
                           .kernel = "Linux 6.18",
                           .cpu = "A Processor",
                           .cores = 2,
                           .load = 0.25,
                           .compiler = "g++ 12"};

Row row_of(std::string name, double ns, bool repeat = false) {
  Row row{.name = std::move(name), .repeat = repeat};
  for (int round = 0; round < 12; ++round) {
    row.wall_ns.push_back(ns * (1 + 0.001 * (round % 3)));
    row.cpu_ns.push_back(ns);
  }
  return row;
}

Group example() {
  Group group{.key = "a_key",
              .title = "A <title>",
              .operation = "turn",
              .bounds = {{.row = "fast", .to = "slow", .most = 0.01},
                         {.row = "faster", .to = "slow", .most = 1.0 / 1000}},
              .absent = {{"a peer", "it is not here"}},
              .rows = {row_of("slow", 4246), row_of("slow", 4246, true), row_of("fast", 100),
                       row_of("faster", 0.592)},
              .rounds = 12};
  group.rows[3].heap = HeapUse{0, 0};
  return group;
}

UseGroup use_example() {
  return {.key = "use_key",
          .title = "Sharing",
          .size = 1u << 20,
          .rows = {{.name = "shared", .pss_bytes = 1u << 20, .anonymous_bytes = 0},
                   {.name = "copied",
                    .pss_bytes = 3u << 20,
                    .anonymous_bytes = 3u << 20,
                    .copied_bytes = 2u << 20}},
          .absent = {{"all", "no memory for it"}},
          .limits = {{"shared at most once: 1.000", true}}};
}

TEST(MemoryTable, SaysAllOfItInAHundredColumns) {
  const std::string text = format_table(example()) + format_table(use_example());
  for (const char* part :
       {"A <title>, 12 rounds", "slow (2)", "0.592 ns", "4.25 us", "1/7172",
        "no row for a peer: it is not here", "limit NOT MET: fast at most 1/100 of slow: 0.02",
        "limit met: faster at most 1/1000 of slow: 1/7172", "3.000",
        "no row for all: no memory for it", "limit met: shared at most once"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(MemoryTable, OfAGroupWithoutRowsSaysWhy) {
  Group group{.key = "none", .title = "Nothing", .operation = "turn"};
  group.absent.push_back({"all of them", "the file does not leave the page cache"});
  EXPECT_EQ(format_table(group),
            "Nothing, 0 rounds\n"
            "no row for all of them: the file does not leave the page cache\n");
}

TEST(MemoryJson, HasEveryFigure) {
  const std::string text = format_json(origin, {.groups = {example()}, .uses = {use_example()}});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  const Json json = Json::parse(text);
  const Json& group = json["comparisons"][0];
  EXPECT_EQ(group["rows"].size(), 4u);
  EXPECT_EQ(group["rows"][1]["repeat"], true);
  EXPECT_NEAR(group["rows"][3]["wall_vs_first"]["ratio"], 0.592 / 4246, 1e-6);
  EXPECT_NEAR(group["rows"][3]["wall_ns"], 0.592, 0.01);
  EXPECT_EQ(group["rows"][3]["allocations_per_op"], 0);
  EXPECT_TRUE(group["rows"][2]["allocations_per_op"].is_null());
  EXPECT_EQ(group["absent"][0]["reason"], "it is not here");
  EXPECT_EQ(group["limits"][1]["met"], true);
  EXPECT_EQ(json["memory_use"][0]["rows"][1]["copies"], 3);
  EXPECT_TRUE(json["memory_use"][0]["rows"][0]["copied_bytes"].is_null());
}

TEST(MemoryPage, IsMadeOfTheJsonAlone) {
  const std::vector<bench::ResultText> results{
      {"the.json", format_json(origin, {.groups = {example()}, .uses = {use_example()}})}};
  const auto page = bench::render_page(results);
  ASSERT_TRUE(page) << page.error();
  for (const char* part : {"A &lt;title&gt;", "0.592 ns", "1/7172", "it is not here",
                           "no memory for it", "3.00 MiB", "leat bench memory; Linux 6.18"}) {
    EXPECT_NE(page->find(part), std::string::npos) << part;
  }
}

// Goal: no value of any type in any place ends the program. Method: each value in turn is replaced.
TEST(MemoryPage, SurvivesValuesOfOtherTypes) {
  const Json whole =
      Json::parse(format_json(origin, {.groups = {example()}, .uses = {use_example()}}));
  const auto try_page = [](const Json& json) {
    const std::vector<bench::ResultText> results{{"the.json", json.dump()}};
    return bench::render_page(results).has_value();
  };
  ASSERT_TRUE(try_page(whole));
  for (const Json& stranger : {Json(), Json("<x>"), Json(-1), Json(1e308), Json::array({1}),
                               Json::object({{"a", 1}}), Json(true)}) {
    for (const char* list : {"comparisons", "memory_use"}) {
      for (const auto& [key, value] : whole[list][0].items()) {
        Json changed = whole;
        changed[list][0][key] = stranger;
        try_page(changed);
      }
      for (const auto& [key, value] : whole[list][0]["rows"][1].items()) {
        Json changed = whole;
        changed[list][0]["rows"][1][key] = stranger;
        EXPECT_TRUE(try_page(changed) || key == "name" || key == "wall_ns" || key == "pss_bytes")
            << key;
      }
    }
  }
}

}  // namespace
}  // namespace leat::app::memory
