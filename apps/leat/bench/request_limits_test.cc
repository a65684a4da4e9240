#include "bench/request_limits.h"

#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "bench/report.h"
#include "bench/report_cells.h"

namespace leat::app::bench {
namespace {

constexpr int rounds = 12;

struct Takes {
  double p50 = 1;
  double p99 = 1;
  double cpu = 1;
  double noise_of_p99 = 0;  ///< in every second round
};

Row row_of(Row::Role role, Way way, Takes takes) {
  Row row{role, way, {}};
  for (int i = 0; i < rounds; ++i) {
    Sample sample;
    // A machine that gets slower and slower.
    sample.wall_s = takes.p50 * 1e-5 * (1 + i);
    sample.latency_p50_s = sample.wall_s;
    sample.latency_p99_s = takes.p99 * 2e-5 * (1 + i) * (i % 2 ? 1 + takes.noise_of_p99 : 1);
    sample.user_s = takes.cpu * 5e-6 * (1 + i);
    sample.receiver_cpu_s = 1e-6;
    sample.calls = 1;
    sample.known_by = KnownBy::construction;
    if (way.by_hand == ByHand::none) sample.picked = *Mechanism::named("read_write");
    row.samples.push_back(sample);
  }
  return row;
}

Series series_of(Takes automatic, Takes send = {}, Takes write = {1.1, 1.1, 1.1}) {
  Series series;
  series.pair = {.source = SourceKind::memory, .receiver = Receiver::copy};
  series.size = 1024;
  series.rounds = rounds;
  series.requests = 16000;
  const Mechanism read_write = *Mechanism::named("read_write");
  const Takes slower{1.2, 1.2, 1.2};
  series.rows.push_back(row_of(Row::Role::baseline, {read_write, 0}, slower));
  series.rows.push_back(row_of(Row::Role::repeat, {read_write, 0}, slower));
  series.rows.push_back(row_of(Row::Role::automatic, {}, automatic));
  series.rows.push_back(
      row_of(Row::Role::by_hand, {.mechanism = {}, .by_hand = ByHand::send}, send));
  series.rows.push_back(
      row_of(Row::Role::by_hand, {.mechanism = {}, .by_hand = ByHand::write}, write));
  return series;
}

bool is_met(const Series& series) {
  const auto limits = check_limits(series);
  EXPECT_EQ(limits.size(), 1u);
  return !limits.empty() && limits[0].met && limits[0].settled;
}

TEST(RequestLimits, AreMetByTheSameAndByLess) {
  EXPECT_TRUE(is_met(series_of({})));
  EXPECT_TRUE(is_met(series_of({0.9, 0.9, 0.9})));
}

TEST(RequestLimits, P50P99AndCpuCountEach) {
  EXPECT_FALSE(is_met(series_of({1.02, 1, 1})));
  EXPECT_FALSE(is_met(series_of({1, 1.02, 1})));
  EXPECT_FALSE(is_met(series_of({1, 1, 1.02})));
}

TEST(RequestLimits, AreAgainstTheBestCallByHand) {
  const Series series = series_of({0.95, 0.95, 0.95}, {}, {0.9, 0.9, 0.9});
  ASSERT_NE(best_by_hand(series), nullptr);
  EXPECT_EQ(best_by_hand(series)->name(), "by hand: write(2)");
  EXPECT_FALSE(is_met(series));
}

TEST(RequestLimits, AP99ThatHasNotSettledIsLeftOutAndNamed) {
  const Series series = series_of({1, 5, 1, 0.6});
  EXPECT_TRUE(is_met(series));
  EXPECT_NE(check_limits(series)[0].text.find("left out"), std::string::npos);
  EXPECT_NE(format_table(series).find("p99 has not settled and does not count: auto\n"),
            std::string::npos);
}

TEST(RequestLimits, AreForSmallMemoryOverTcp) {
  Series series = series_of({});
  series.size = 63;
  EXPECT_TRUE(check_limits(series).empty());
  series.size = (16u << 10) + 1;
  EXPECT_TRUE(check_limits(series).empty());
  series.size = 16u << 10;
  EXPECT_FALSE(check_limits(series).empty());
  series.pair.sink = SinkKind::unix_socket;
  EXPECT_TRUE(check_limits(series).empty());
  series.pair = {};
  EXPECT_TRUE(check_limits(series).empty());
}

TEST(RequestTable, FitsAHundredColumns) {
  std::istringstream table(format_table(series_of({123.4, 54321, 0.99, 0.5})));
  for (std::string line; std::getline(table, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(RequestTable, OfOnePairFitsToo) {
  Series series = series_of({});
  for (Row& row : series.rows) row.samples.resize(1);
  std::istringstream table(format_table(series));
  for (std::string line; std::getline(table, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(RequestTable, ShowsMicrosecondsOfEachRow) {
  const std::string table = format_table(series_of({}));
  EXPECT_NE(table.find("by hand: send(2)      65.0    130   32.5  0.83"), std::string::npos)
      << table;
}

TEST(Wrapped, BreaksBetweenWords) {
  EXPECT_EQ(wrapped("short"), "short\n");
  const std::string word(60, 'w');
  EXPECT_EQ(wrapped(word + " " + word + " x"), word + "\n  " + word + " x\n");
  EXPECT_EQ(wrapped(std::string(150, 'w')), std::string(150, 'w') + "\n");
}

}  // namespace
}  // namespace leat::app::bench
