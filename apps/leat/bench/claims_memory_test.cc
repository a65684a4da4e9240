#include "bench/claims_memory.h"

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

#include "bench/claims_textbook.h"
#include "memory/file_reads.h"
#include "memory/sharing.h"
#include "memory/slices.h"

namespace leat::app::bench {
namespace {

constexpr int rounds = 12;

/// A row that takes so long, on a machine that gets slower and slower.
void add_row(memory::Group& group, std::string_view name, double wall_ns,
             std::optional<memory::HeapUse> heap = std::nullopt) {
  memory::Row row{.name = std::string(name)};
  for (int i = 0; i < rounds; ++i) {
    row.wall_ns.push_back(wall_ns * (1 + i));
    row.cpu_ns.push_back(wall_ns * (1 + i));
  }
  row.heap = heap;
  group.rows.push_back(std::move(row));
}

memory::Group slices(double call_scoped_ns, double counted_ns, double allocations) {
  memory::Group group{.key = "slices", .title = {}, .operation = {}};
  add_row(group, memory::slice_rows::kept_copy, 1400, memory::HeapUse{});
  add_row(group, memory::slice_rows::new_copy, 4246, memory::HeapUse{65536, 1});
  add_row(group, memory::slice_rows::call_scoped, call_scoped_ns, memory::HeapUse{0, allocations});
  add_row(group, memory::slice_rows::counted, counted_ns, memory::HeapUse{0, allocations});
  return group;
}

memory::Group reads(double kept_ns, double mapped_ns) {
  memory::Group group{.key = "reads", .title = {}, .operation = {}};
  add_row(group, memory::read_rows::read, 100);
  add_row(group, memory::read_rows::kept, kept_ns);
  add_row(group, memory::read_rows::mapped, mapped_ns);
  return group;
}

Series series_of(std::uint64_t size, std::string_view mechanism, double wall,
                 std::uint64_t anonymous) {
  Series series;
  series.size = size;
  for (const auto& [name, cost, bytes] :
       {std::tuple<std::string_view, double, std::uint64_t>("read_write", 1.0, size),
        std::tuple<std::string_view, double, std::uint64_t>(mechanism, wall, anonymous)}) {
    const bool is_first = series.rows.empty();
    Row row{is_first ? Row::Role::baseline : Row::Role::mechanism,
            {Mechanism::named(name).value_or(Mechanism()), 0},
            {}};
    for (int i = 0; i < rounds; ++i) {
      Sample sample;
      sample.wall_s = cost * (1 + i);
      sample.system_s = cost * (1 + i);
      sample.rss_anon_bytes = bytes;
      row.samples.push_back(sample);
    }
    series.rows.push_back(std::move(row));
  }
  return series;
}

TEST(ClaimsMemory, ASliceAsClaimed) {
  const Claim claim = answer_slices(slices(0.592, 0.592, 0));
  EXPECT_EQ(claim.number, 10);
  EXPECT_EQ(claim.verdict, Verdict::holds) << claim.why;
  EXPECT_NE(claim.here.find("65536 B, 1 allocations"), std::string::npos) << claim.here;
}

TEST(ClaimsMemory, ASliceThatAllocatesOrTakesLong) {
  EXPECT_EQ(answer_slices(slices(0.592, 30, 0)).verdict, Verdict::depends);
  const Claim claim = answer_slices(slices(50, 50, 1));
  EXPECT_EQ(claim.verdict, Verdict::fails) << claim.why;
  EXPECT_NE(claim.why.find("more than claimed"), std::string::npos) << claim.why;
  EXPECT_EQ(answer_slices({.key = {}, .title = {}, .operation = {}}).verdict,
            Verdict::not_measurable);
}

TEST(ClaimsMemory, AMappingIsCheapOrDearByHowTheFileLies) {
  EXPECT_EQ(answer_mapping(reads(53, 53), reads(53, 53)).verdict, Verdict::holds);
  const Claim claim = answer_mapping(reads(30, 53), reads(30, 110));
  EXPECT_EQ(claim.verdict, Verdict::depends) << claim.why;
  EXPECT_NE(claim.why.find("dearer than claimed: mapped each time, read in by readahead"),
            std::string::npos)
      << claim.why;
  // A file system without a disk has no file that was read ahead.
  EXPECT_EQ(answer_mapping(reads(53, 53), {.key = {}, .title = {}, .operation = {}}).verdict,
            Verdict::holds);
}

TEST(ClaimsMemory, SavingsAreThoseOfTheSecondCopy) {
  constexpr std::uint64_t size = 1u << 20;
  // As the textbooks have it: the traditional way holds all bytes once more.
  const Series by_sendfile = series_of(size, "sendfile", 0.4, 0);
  const Series by_splice = series_of(size, "splice", 0.6, size * 6 / 10);
  const memory::UseGroup sharing{
      .key = {},
      .title = {},
      .size = size,
      .rows = {{.name = memory::sharing_rows::threads, .pss_bytes = size}}};
  const memory::Group copies = slices(1, 2000, 0);
  const memory::Group large = reads(40, 50);
  const WholeFile whole_file{.size = size, .read_bytes = size, .mapped_bytes = 0};
  const Claim claim = answer_savings({.file_to_tcp = by_sendfile,
                                      .tcp_to_tcp = by_splice,
                                      .whole_file = whole_file,
                                      .large_file = large,
                                      .slices = copies,
                                      .sharing = sharing});
  EXPECT_EQ(claim.number, 8);
  ASSERT_EQ(claim.figures["rows"].size(), 4u) << claim.why;
  EXPECT_NEAR(claim.figures["rows"][0]["memory_saved"].get<double>(), 0.5, 1e-9);
  EXPECT_NEAR(claim.figures["rows"][1]["memory_saved"].get<double>(), 0.4, 1e-6);
  EXPECT_NEAR(claim.figures["rows"][2]["memory_saved"].get<double>(), 0.5, 1e-9);
  EXPECT_NEAR(claim.figures["rows"][3]["memory_saved"].get<double>(), 0.875, 1e-9);
  EXPECT_NEAR(claim.figures["rows"][0]["speed"]["ratio"].get<double>(), 2.5, 1e-9);
  // Eight consumers share more than the textbooks' did; all else is as claimed.
  EXPECT_EQ(claim.verdict, Verdict::depends);
  EXPECT_NE(claim.why.find("more than claimed: shared buffers (memory)"), std::string::npos)
      << claim.why;
}

TEST(ClaimsMemory, SavingsThatWereNotMeasuredAreNamed) {
  constexpr std::uint64_t size = 1u << 20;
  const Series without = series_of(size, "mmap_write", 1, 0);
  const memory::UseGroup sharing{.key = {}, .title = {}, .size = size};
  const memory::Group none{.key = {}, .title = {}, .operation = {}};
  const Claim claim = answer_savings({.file_to_tcp = without,
                                      .tcp_to_tcp = without,
                                      .whole_file = {.size = size},
                                      .large_file = none,
                                      .slices = none,
                                      .sharing = sharing});
  EXPECT_EQ(claim.verdict, Verdict::not_measurable);
  EXPECT_NE(claim.why.find("not measured: sendfile, splice, forwarding, mmap"), std::string::npos)
      << claim.why;
}

}  // namespace
}  // namespace leat::app::bench
