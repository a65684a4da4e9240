// Goal: every result that leat writes, or wrote, becomes a page; anything else is told by one line.

#include "bench/page.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bench/report.h"

namespace leat::app::bench {
namespace {

using Json = nlohmann::ordered_json;

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size())
    ++found;
  return found;
}

const Origin origin{.command = "leat bench transfer --sink <tcp>",
                    .kernel = "Linux 6.18",
                    .cpu = "A Processor",
                    .cores = 2,
                    .load = 0.25,
                    .compiler = "g++ 12"};

Row row_of(Row::Role role, std::string_view mechanism, double seconds, std::uint64_t copies) {
  Row row{.role = role, .way = {}, .samples = {}};
  row.way.mechanism = *Mechanism::named(mechanism);
  for (int round = 0; round < 12; ++round) {
    Sample sample;
    sample.wall_s = sample.user_s = seconds * (1 + 0.001 * (round % 3));
    sample.calls = 100;
    sample.known_by = KnownBy::construction;
    sample.cpu_copied_bytes = copies << 30;
    sample.picked = row.way.mechanism;
    row.samples.push_back(sample);
  }
  row.profile = {.kernel_copying = copies * 500, .kernel_other = 2000 - copies * 500};
  return row;
}

Series series_of(std::uint64_t size, double sendfile_s = 0.1) {
  Series series;
  series.size = size;
  series.rounds = 12;
  series.rows.push_back(row_of(Row::Role::baseline, "read_write", 0.4, 2));
  series.rows.push_back(row_of(Row::Role::repeat, "read_write", 0.4, 2));
  series.rows.push_back(row_of(Row::Role::mechanism, "sendfile", sendfile_s, 0));
  return series;
}

std::string transfer_json() { return format_json(origin, {series_of(1u << 30)}); }

std::expected<std::string, std::string> page_of(const std::string& json) {
  const std::vector<ResultText> results{{"the.json", json}};
  return render_page(results);
}

TEST(ResultPage, ShowsChartsAndTablesOfOneSize) {
  const auto page = page_of(transfer_json());
  ASSERT_TRUE(page) << page.error();
  EXPECT_EQ(count(*page, "<svg "), 2u);
  EXPECT_EQ(count(*page, "<table>"), 3u) << "times, places, limits";
  EXPECT_EQ(count(*page, "<figcaption"), 2u);
  EXPECT_GE(count(*page,
                  "leat bench transfer --sink &lt;tcp&gt;; Linux 6.18; A Processor, 2 cores, "
                  "load 0.2 at the start; g++ 12"),
            3u)
      << "each figure says what made it";
  EXPECT_NE(page->find("File to TCP"), std::string::npos);
  EXPECT_NE(page->find("50.0 ± 2.2 % copying, n = 2000"), std::string::npos);
}

TEST(ResultPage, DrawsCurvesOverSeveralSizes) {
  const auto page =
      page_of(format_json(origin, {series_of(64), series_of(4096), series_of(1u << 20)}));
  ASSERT_TRUE(page) << page.error();
  EXPECT_EQ(count(*page, "<polyline "), 4u) << "read_write and sendfile, wall and CPU";
  EXPECT_EQ(count(*page, "<details>"), 2u);
  EXPECT_EQ(count(*page, "<details open>"), 1u) << "the largest size";
  EXPECT_EQ(count(*page, "<svg "), 2u + 3 * 2);
}

TEST(ResultPage, SmallMessagesStandBesideLargeTransfers) {
  Series small = series_of(64);
  small.requests = 100;
  small.pair.receiver = Receiver::copy;
  for (Row& row : small.rows) {
    for (Sample& sample : row.samples) sample.latency_p50_s = sample.latency_p99_s = 1e-5;
  }
  const auto page = page_of(format_json(origin, {small, series_of(1u << 17), series_of(1u << 20)}));
  ASSERT_TRUE(page) << page.error();
  EXPECT_EQ(count(*page, "<h2 "), 1u);
  EXPECT_EQ(count(*page, "<polyline "), 4u);
  EXPECT_NE(page->find("<summary>64 B, request by request</summary>"), std::string::npos);
  const auto alone = page_of(format_json(origin, {small}));
  ASSERT_TRUE(alone) << alone.error();
  EXPECT_NE(alone->find("File to TCP over loopback, warm, 64 B, request by request"),
            std::string::npos);
}

TEST(ResultPage, ExplainsWhyFewerCopiesTookLonger) {
  const auto page = page_of(format_json(origin, {series_of(1u << 30, 0.8)}));
  ASSERT_TRUE(page) << page.error();
  EXPECT_NE(page->find("sendfile copies less than read_write, but takes 2.00"), std::string::npos);
  EXPECT_NE(page->find("100 against 100 calls"), std::string::npos);
}

TEST(ResultPage, TakesResultsOfAnOlderLeat) {
  Json json = Json::parse(transfer_json());
  for (const char* key : {"rankings", "limits", "sweep", "refusals", "load"}) json.erase(key);
  for (Json& row : json["rows"]) {
    for (const char* key : {"label", "cpu_profile", "copy_share", "samples", "settled",
                            "limited_by", "wall_vs_read_write"}) {
      row.erase(key);
    }
  }
  const auto page = page_of(json.dump());
  ASSERT_TRUE(page) << page.error();
  EXPECT_EQ(count(*page, "<svg "), 1u) << "nothing was sampled";
}

TEST(ResultPage, SaysWhyNothingWasSampled) {
  Series series = series_of(1u << 30);
  for (Row& row : series.rows) row.profile = {};
  series.sampling_denied = "perf_event_open: Permission denied (run as root)";
  const auto page = page_of(format_json(origin, {series}));
  ASSERT_TRUE(page) << page.error();
  EXPECT_NE(page->find("perf_event_open: Permission denied (run as root)"), std::string::npos);
}

TEST(ResultPage, ShowsPeersAndClaims) {
  const char* peers = R"({"command":"scripts/bench peers","host":{"kernel":"6.18","cpu":"P",
    "cores":2,"load":0.5},"versions":["leat 0.1"],"groups":[{"title":"Same work","rows":[
    {"name":"leat direct_io","runs":11,"wall_s":1,"cpu_s":0.5,"settled":true,
     "wall_vs_leat":{"ratio":1,"low":1,"high":1},"cpu_vs_leat":{"ratio":1,"low":1,"high":1}},
    {"name":"socat","runs":11,"wall_s":2,"cpu_s":1.5,"settled":false,
     "wall_vs_leat":{"ratio":2,"low":1.9,"high":2.1},
     "cpu_vs_leat":{"ratio":3,"low":2.9,"high":3.1}}],
    "failed":{"nginx aio":"did not come up"}}]})";
  const char* claims = R"({"command":"leat bench claims","host":{"kernel":"Linux 6.18","cpu":"P"},
    "claims":[{"number":1,"claim":"c","textbook":"t","here":"h","verdict":"not_measurable",
    "why":"w","figures":{}}]})";
  const std::vector<ResultText> results{{"a", transfer_json()}, {"p", peers}, {"c", claims}};
  const auto page = render_page(results);
  ASSERT_TRUE(page) << page.error();
  EXPECT_EQ(count(*page, "<h2 "), 3u);
  EXPECT_NE(page->find("as a share of leat direct_io"), std::string::npos) << "its first row";
  EXPECT_NE(page->find("nginx aio failed: did not come up"), std::string::npos);
  EXPECT_NE(page->find("not measurable"), std::string::npos);
  EXPECT_NE(page->find("several machines"), std::string::npos);
}

TEST(ResultPage, AnythingElseIsToldByOneLine) {
  const auto error_of = [](const std::string& json) {
    const auto page = page_of(json);
    return page ? std::string("(a page)") : page.error();
  };
  EXPECT_EQ(error_of(""), "the.json: is not JSON");
  EXPECT_EQ(error_of("{\"rows\":[}"), "the.json: is not JSON");
  const std::string foreign =
      "the.json: is no result of leat bench transfer, claims, memory or read, or of "
      "scripts/bench peers";
  EXPECT_EQ(error_of("[]"), foreign);
  EXPECT_EQ(error_of("{\"rows\":5}"), foreign);
  EXPECT_EQ(error_of("{\"rows\":[]}"), "the.json: has no rows");
  EXPECT_EQ(error_of("{\"rows\":[5]}"), "the.json: row 1 has no \"source\"");
  EXPECT_EQ(error_of("{\"groups\":[{}]}"), "the.json: a group has no \"title\" or no \"rows\"");
  EXPECT_EQ(error_of("{\"claims\":[{\"number\":1}]}"),
            "the.json: a claim has no \"number\", \"claim\" or \"verdict\"");
  EXPECT_EQ(error_of("{\"comparisons\":[]}"), "the.json: has no comparisons");
  EXPECT_EQ(error_of("{\"comparisons\":[5]}"),
            "the.json: a comparison has no \"title\" or no \"rows\"");
  Json json = Json::parse(transfer_json());
  json["rows"][1]["wall_s"] = "fast";
  EXPECT_EQ(error_of(json.dump()), "the.json: row 2 has no \"wall_s\"");
  json["rows"][1]["wall_s"] = 1;
  json["rows"][1]["size"] = 1e300;
  EXPECT_EQ(error_of(json.dump()), "the.json: row 2 is too large");
}

// Goal: no value of any type in any place ends the program. Method: each value in turn is replaced.
TEST(ResultPage, SurvivesValuesOfOtherTypes) {
  const Json whole = Json::parse(transfer_json());
  for (const Json& stranger : {Json(), Json("<x>"), Json(-1), Json(1e308), Json::array({1}),
                               Json::object({{"a", 1}}), Json(true)}) {
    for (const auto& [key, value] : whole.items()) {
      Json changed = whole;
      changed[key] = stranger;
      page_of(changed.dump());
    }
    for (const auto& [key, value] : whole["rows"][2].items()) {
      Json changed = whole;
      changed["rows"][2][key] = stranger;
      const auto page = page_of(changed.dump());
      if (page) {
        EXPECT_EQ(count(*page, "<x>") + count(*page, "nan"), 0u) << key;
      }
    }
  }
}

TEST(ResultPicture, IsTheLargestSizeOfTheFirstTransfer) {
  const std::vector<ResultText> results{
      {"a", format_json(origin, {series_of(64), series_of(1u << 30)})}};
  const auto picture = render_picture(results);
  ASSERT_TRUE(picture) << picture.error();
  EXPECT_NE(picture->find(">File to TCP over loopback, 1.00 GiB<"), std::string::npos);
  const std::vector<ResultText> claims{
      {"c", R"({"claims":[{"number":1,"claim":"c","verdict":"holds"}]})"}};
  EXPECT_FALSE(render_picture(claims));
}

}  // namespace
}  // namespace leat::app::bench
