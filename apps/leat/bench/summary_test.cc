#include "bench/summary.h"

#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "bench/report.h"

namespace leat::app::bench {
namespace {

constexpr int rounds = 12;

Sample sample_of(double wall_s, double cpu_s, double calls) {
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
             double calls = 512) {
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
  series.pair = {.receiver = Receiver::copy};
  EXPECT_TRUE(check_limits(series).empty());
  series.pair = {.cache = Cache::cold};
  EXPECT_TRUE(check_limits(series).empty());
  series.pair = {.sink = SinkKind::unix_socket};
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

// Goal: each row is named once, with its side. Method: rows whose sender is busy, one whose sender
// is ready but has no processor, one that is idle, one whose bytes came from the disk.
TEST(Table, NamesTheLimitingSides) {
  Series series = series_of(0.4, 0.1);
  for (Sample& sample : series.rows[3].samples) {
    sample.receiver_cpu_s = 0.05;
    sample.receiver_waited_share = 0.9;
  }
  for (Sample& sample : series.rows[4].samples) {
    sample.user_s = sample.system_s = 0;
    sample.disk_read_bytes = series.size;
  }
  EXPECT_EQ(summarize(series, series.rows[0]).limited_by, LimitingSide::sender_cpu);
  EXPECT_EQ(summarize(series, series.rows[3]).limited_by, LimitingSide::receiver_cpu);
  EXPECT_EQ(summarize(series, series.rows[4]).limited_by, LimitingSide::disk);
  EXPECT_NE(format_table(series).find(
                "limited by: sender CPU (read_write, read_write (2), read_write), receiver CPU "
                "(sendfile),\n  disk (splice), window (auto)\n"),
            std::string::npos)
      << format_table(series);
}

TEST(Table, NamesTheConditions) {
  Series series = series_of(0.4, 0.4);
  series.pair = {.receiver = Receiver::copy, .cache = Cache::cold};
  const std::string table = format_table(series);
  EXPECT_TRUE(table.starts_with("file to TCP over loopback, 1.00 GiB, cold, 12 r")) << table;
  EXPECT_NE(table.find("reads into a buffer of 1 MiB (copy)\n"), std::string::npos) << table;
  series.pair = {.sink = SinkKind::unix_socket};
  EXPECT_NE(format_table(series).find("(truncate: splice by a pipe to /dev/null)\n"),
            std::string::npos);
}

TEST(Table, ShowsVeryShortRuns) {
  Series series = series_of(1e-5, 1e-5);
  const std::string table = format_table(series);
  EXPECT_NE(table.find("   65us    65us  15385  "), std::string::npos) << table;
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

TEST(Limits, CopySharesCountWhereTheyWereSampled) {
  Series series = series_of(0.4, 0.4);
  const auto profile = [](std::uint64_t copying, std::uint64_t other) {
    return CopyProfile{.kernel_copying = copying, .kernel_other = other};
  };
  series.rows[0].profile = profile(800, 1200);
  series.rows[3].profile = profile(10, 1990);
  series.rows[4].profile = profile(0, 2000);
  std::vector<Limit> limits = check_limits(series);
  ASSERT_EQ(limits.size(), 9u);
  for (const Limit& limit : limits) EXPECT_TRUE(limit.met && limit.settled) << limit.text;
  EXPECT_EQ(limits[5].text, "copy share of read_write at least 25 %: 40.0 +-2.1 % (n 2000)");

  series.rows[0].profile = profile(510, 1490);
  series.rows[3].profile = profile(57, 1943);
  limits = check_limits(series);
  EXPECT_TRUE(limits[5].met && !limits[5].settled) << "25 % lies within the error";
  EXPECT_TRUE(limits[6].met && !limits[6].settled);
  EXPECT_TRUE(!limits[7].met && !limits[7].settled) << "9 times, perhaps 10";

  series.rows[3].profile = profile(200, 1800);
  limits = check_limits(series);
  EXPECT_TRUE(!limits[6].met && limits[6].settled);
  EXPECT_TRUE(!limits[7].met && limits[7].settled);
}

void set_copies(Series& series, std::size_t row, std::uint64_t copies) {
  for (Sample& sample : series.rows[row].samples) sample.cpu_copied_bytes = copies * series.size;
}

TEST(Ranking, WhatCopiesLessTakesLess) {
  Series series = series_of(0.4, 0.4);
  for (const std::size_t row : {0u, 1u, 2u}) set_copies(series, row, 2);
  set_copies(series, 4, 1);
  // splice, with one copy, takes 0.9; read_write at its best block, with two, takes 0.6.
  const std::vector<Contradiction> found = find_contradictions(series);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].copies_less, &series.rows[4]);
  EXPECT_EQ(found[0].copies_more, &series.rows[2]);
  EXPECT_NEAR(found[0].cpu.ratio, 1.5, 1e-9);
  EXPECT_NE(format_table(series).find(
                "splice copies less than read_write, but takes 1.50 times its CPU time\n"),
            std::string::npos);
  for (Sample& sample : series.rows[4].samples) sample.known_by = KnownBy::unknown;
  EXPECT_TRUE(find_contradictions(series).empty()) << "nobody knows its copies";
  EXPECT_NE(format_table(series).find("ranking by CPU time equals"), std::string::npos);
}

TEST(Table, MarksWhatIsNotToldApart) {
  const std::string table = format_table(series_of(0.4, 1));
  EXPECT_NE(table.find(" 0.40 [0.40-0.40]   1.00 [1.00-1.00] ~\n"), std::string::npos) << table;
}

TEST(Table, SaysWhySharesAreMissing) {
  Series series = series_of(0.4, 0.4);
  series.sampling_denied = "perf_event_open: Permission denied (do this)";
  const std::string table = format_table(series);
  EXPECT_NE(table.find("\nno copy shares: perf_event_open: Permission denied (do this)\n"),
            std::string::npos);
  EXPECT_EQ(table.find("+-0.0"), std::string::npos);
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
    sample.calls = 123'456'789;
    sample.rss_anon_bytes = 1023ull << 30;
  }
  series.rows.back().profile = {.kernel_copying = 123'456, .kernel_other = 123'456};
  std::istringstream table(format_table(series));
  for (std::string line; std::getline(table, line);) EXPECT_LE(line.size(), 100u) << line;
}

}  // namespace
}  // namespace leat::app::bench
