#include "bench/summary.h"

#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "bench/report.h"

namespace leat::app::bench {
namespace {

constexpr int rounds = 12;

Sample sample_of(double wall_s, double cpu_s, std::uint64_t calls) {
  Sample sample;
  sample.wall_s = wall_s;
  sample.user_s = cpu_s / 4;
  sample.system_s = cpu_s * 3 / 4;
  sample.receiver_cpu_s = 0.1;
  sample.calls = calls;
  sample.known_by = KnownBy::construction;
  sample.rss_anon_bytes = 1u << 20;
  return sample;
}

/// A row that takes `wall` and `cpu` times as long as the baseline's 1 s, in every round of a
/// machine that gets slower and slower.
void add_row(Series& series, Row::Role role, std::string_view mechanism, double wall, double cpu,
             std::uint64_t calls = 512) {
  const auto named = Mechanism::named(mechanism);
  Row row{role, {named.value_or(Mechanism()), 0}, {}};
  for (int i = 0; i < rounds; ++i) {
    Sample sample = sample_of(wall * (1 + i), cpu * (1 + i), calls);
    sample.picked = named.value_or(*Mechanism::named("sendfile"));
    row.samples.push_back(sample);
  }
  series.rows.push_back(row);
}

Series series_of(double sendfile_wall, double sendfile_cpu) {
  Series series;
  series.size = 1ull << 30;
  series.rounds = rounds;
  series.best_block_bytes = 256u << 10;
  add_row(series, Row::Role::baseline, "read_write", 1, 1);
  add_row(series, Row::Role::repeat, "read_write", 1, 1);
  add_row(series, Row::Role::best_block, "read_write", 0.6, 0.6);
  add_row(series, Row::Role::mechanism, "sendfile", sendfile_wall, sendfile_cpu);
  add_row(series, Row::Role::mechanism, "splice", 0.9, 0.9);
  add_row(series, Row::Role::automatic, "", sendfile_wall, sendfile_cpu);
  return series;
}

TEST(Summary, RatiosAreOfPairs) {
  const Series series = series_of(0.4, 0.3);
  const Summary summary = summarize(series, series.rows[3]);
  EXPECT_EQ(summary.runs, rounds);
  EXPECT_NEAR(summary.wall.ratio, 0.4, 1e-9);
  EXPECT_NEAR(summary.cpu.ratio, 0.3, 1e-9);
  EXPECT_NEAR(summary.wall_to_best.ratio, 0.4 / 0.6, 1e-9);
  EXPECT_NEAR(summary.wall_s, 0.4 * 6.5, 1e-9);
  EXPECT_NEAR(summary.gib_per_s, 1 / (0.4 * 6.5), 1e-9);
  EXPECT_EQ(summary.cpu_copies, 0);
  EXPECT_TRUE(summary.settled);
}

TEST(Summary, CopiesAreUnknownIfOneRunDoesNotKnow) {
  Series series = series_of(0.4, 0.3);
  series.rows[3].samples[5].known_by = KnownBy::unknown;
  EXPECT_FALSE(summarize(series, series.rows[3]).cpu_copies);
}

TEST(Limits, AreMetByGoodFigures) {
  for (const Limit& limit : check_limits(series_of(0.4, 0.4))) {
    EXPECT_TRUE(limit.met) << limit.text;
    EXPECT_TRUE(limit.settled) << limit.text;
  }
  EXPECT_EQ(check_limits(series_of(0.4, 0.4)).size(), 5u);
}

TEST(Limits, WallAndCpuCountEach) {
  EXPECT_FALSE(check_limits(series_of(0.49, 0.3))[0].met);
  EXPECT_FALSE(check_limits(series_of(0.3, 0.49))[0].met);
  EXPECT_FALSE(check_limits(series_of(0.46, 0.3))[1].met);  // 0.77 of the best block
}

TEST(Limits, ADefaultThatIsSlowerThanTheBestRowIsShown) {
  Series series = series_of(0.4, 0.4);
  for (Sample& sample : series.rows.back().samples) sample.wall_s *= 1.06;
  EXPECT_FALSE(check_limits(series)[2].met);
}

TEST(Limits, CountCallsAndMemory) {
  Series series = series_of(0.4, 0.4);
  for (Sample& sample : series.rows[3].samples) sample.calls = 601;
  series.rows[0].samples[3].rss_anon_bytes = 8u << 20;
  EXPECT_FALSE(check_limits(series)[3].met);
  EXPECT_FALSE(check_limits(series)[4].met);
}

TEST(Limits, NoisyFiguresDoNotCount) {
  Series series = series_of(0.4, 0.4);
  for (std::size_t i = 0; i < rounds; i += 2) series.rows[3].samples[i].wall_s *= 1.5;
  EXPECT_FALSE(check_limits(series)[0].settled);
  EXPECT_FALSE(is_settled(series, series.rows[3]));
  EXPECT_NE(
      format_table(series).find("FAILED: not settled, an interval is wider than +-7 %: sendfile\n"),
      std::string::npos);
  EXPECT_NE(format_table(series).find("limit NOISY"), std::string::npos);
}

TEST(Limits, AreForOneGibibyteToTcp) {
  Series series = series_of(0.4, 0.4);
  series.size -= 1;
  EXPECT_TRUE(check_limits(series).empty());
  series.size += 1;
  EXPECT_FALSE(check_limits(series).empty());
  series.pair.sink = SinkKind::file;
  EXPECT_TRUE(check_limits(series).empty());
  series.pair = {.source = SourceKind::memory};
  EXPECT_TRUE(check_limits(series).empty());
  series.pair = {.path = Path::veth};
  EXPECT_TRUE(check_limits(series).empty());
}

TEST(Settled, ARowFarAheadNeedsNoNarrowInterval) {
  Series series = series_of(0.4, 0.4);
  for (std::size_t i = 0; i < rounds; ++i) {
    Sample& sample = series.rows[3].samples[i];
    sample.wall_s = sample.user_s = (i % 2 ? 0.001 : 0.003) * (1 + static_cast<double>(i));
    sample.system_s = 0;
  }
  EXPECT_TRUE(is_settled(series, series.rows[3]));
  EXPECT_NE(format_table(series).find(" 1/5"), std::string::npos);
  for (Sample& sample : series.rows[3].samples) sample.wall_s *= 10;
  EXPECT_FALSE(is_settled(series, series.rows[3]));
}

TEST(Table, NamesThePair) {
  Series series = series_of(0.4, 0.4);
  EXPECT_TRUE(format_table(series).starts_with("file to TCP over loopback, 1.00 GiB, warm, 12 r"));
  series.pair = {.source = SourceKind::tcp, .sink = SinkKind::file, .path = Path::veth};
  EXPECT_TRUE(format_table(series).starts_with("TCP over veth to a new file, 1.00 GiB, "));
  series.pair = {.source = SourceKind::memory};
  EXPECT_TRUE(format_table(series).starts_with("memory to TCP over loopback, 1.00 GiB, "));
}

TEST(Table, ShowsVeryShortRuns) {
  Series series = series_of(1e-5, 1e-5);
  const std::string table = format_table(series);
  EXPECT_NE(table.find(" 65us   65us 15385 "), std::string::npos) << table;
}

TEST(Table, SaysWhatTheKernelReported) {
  Series series = series_of(0.4, 0.4);
  EXPECT_EQ(format_table(series).find("as the kernel reported"), std::string::npos);
  for (Sample& sample : series.rows[3].samples) sample.known_by = KnownBy::kernel;
  EXPECT_NE(format_table(series).find("copies as the kernel reported them: sendfile\n"),
            std::string::npos);
  series.rows[3].samples[0].known_by = KnownBy::pending;
  EXPECT_NE(format_table(series).find("verdict on the copies did not come in time: sendfile\n"),
            std::string::npos);
}

TEST(Fastest, LeavesTheRepeatOut) {
  Series series = series_of(2, 2);
  for (Sample& sample : series.rows[1].samples) sample.wall_s *= 0.1;
  EXPECT_EQ(&fastest(series, wall_of), &series.rows[2]);
}

TEST(Table, FitsAHundredColumnsWithLargeNumbers) {
  Series series = series_of(123.456, 99.9999);
  add_row(series, Row::Role::mechanism, "splice", 1234.56, 0.0001);
  add_row(series, Row::Role::mechanism, "copy_file_range", 1.23, 1.29, 65536);
  for (Sample& sample : series.rows.back().samples) {
    sample.voluntary_switches = 12345;
    sample.involuntary_switches = 1234;
  }
  std::istringstream table(format_table(series));
  for (std::string line; std::getline(table, line);) EXPECT_LE(line.size(), 100u) << line;
}

}  // namespace
}  // namespace leat::app::bench
