#include "bench/claims_costs.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "bench/claims_orders.h"
#include "bench/claims_textbook.h"

namespace leat::app::bench {
namespace {

constexpr int rounds = 12;

struct Cost {
  double wall = 1;
  double cpu = 1;
};

/// A row that costs so many times what the baseline costs, on a machine that gets slower and
/// slower.
void add_row(Series& series, Row::Role role, std::string_view mechanism, Cost cost,
             double copies = 0) {
  Row row{role, {Mechanism::named(mechanism).value_or(Mechanism()), 0}, {}};
  for (int i = 0; i < rounds; ++i) {
    Sample sample;
    sample.wall_s = cost.wall * (1 + i);
    sample.system_s = cost.cpu * (1 + i);
    sample.calls = 512;
    sample.cpu_copied_bytes = static_cast<std::uint64_t>(copies * static_cast<double>(series.size));
    sample.known_by = KnownBy::construction;
    sample.picked = row.way.mechanism;
    row.samples.push_back(sample);
  }
  series.rows.push_back(row);
}

Series from_file(Cost mmap_write, Cost sendfile, Cost splice) {
  Series series;
  series.size = 1u << 20;
  series.rounds = rounds;
  add_row(series, Row::Role::baseline, "read_write", {}, 2);
  add_row(series, Row::Role::repeat, "read_write", {}, 2);
  add_row(series, Row::Role::mechanism, "mmap_write", mmap_write, 1);
  add_row(series, Row::Role::mechanism, "sendfile", sendfile);
  add_row(series, Row::Role::mechanism, "splice", splice);
  return series;
}

Series from_memory(Cost zerocopy, double copies) {
  Series series;
  series.pair.source = SourceKind::memory;
  series.size = 1u << 20;
  series.rounds = rounds;
  add_row(series, Row::Role::baseline, "read_write", {}, 1);
  add_row(series, Row::Role::mechanism, "zerocopy_send", zerocopy, copies);
  for (Sample& sample : series.rows.back().samples) sample.known_by = KnownBy::kernel;
  return series;
}

TEST(Costs, HoldWhereTheTextbookIsRight) {
  const Claim claim = answer_costs(from_file({0.6, 0.6}, {0.3, 0.3}, {0.3, 0.3}));
  EXPECT_EQ(claim.number, 1);
  EXPECT_EQ(claim.verdict, Verdict::holds);
  EXPECT_NE(claim.here.find("time: mmap+write 60 [60-60], sendfile 30 [30-30]"), std::string::npos)
      << claim.here;
  EXPECT_EQ(claim.figures["rows"].size(), claimed_costs.size());
}

TEST(Costs, DependWhereOneIsDearer) {
  const Claim claim = answer_costs(from_file({0.9, 0.6}, {0.2, 0.3}, {0.3, 0.3}));
  EXPECT_EQ(claim.verdict, Verdict::depends);
  EXPECT_NE(claim.why.find("cheaper than claimed: sendfile (time)"), std::string::npos);
  EXPECT_NE(claim.why.find("dearer than claimed: mmap+write (time)"), std::string::npos);
}

TEST(Costs, FailWhereNothingIsAsClaimed) {
  EXPECT_EQ(answer_costs(from_file({0.9, 0.9}, {0.2, 0.2}, {0.1, 0.1})).verdict, Verdict::fails);
}

TEST(Costs, NameWhatHasNoRow) {
  Series series = from_file({0.6, 0.6}, {0.3, 0.3}, {0.3, 0.3});
  series.rows.pop_back();
  series.absent.push_back({*Mechanism::named("splice"), "denied here"});
  const Claim claim = answer_costs(series);
  EXPECT_EQ(claim.verdict, Verdict::holds);
  EXPECT_NE(claim.why.find("not measured: splice (denied here)"), std::string::npos) << claim.why;
}

TEST(Copies, AreCountedAndTheKernelsWordIsNamed) {
  const Series file = from_file({0.6, 0.6}, {0.3, 0.3}, {0.3, 0.3});
  EXPECT_EQ(answer_copies(file, from_memory({1, 1}, 0)).verdict, Verdict::holds);
  const Claim copied = answer_copies(file, from_memory({1, 1}, 1));
  EXPECT_EQ(copied.verdict, Verdict::depends);
  EXPECT_NE(copied.here.find("MSG_ZEROCOPY 1 (the kernel's own word)"), std::string::npos);
  EXPECT_NE(copied.why.find("more than claimed: MSG_ZEROCOPY"), std::string::npos);
}

TEST(Speeds, AreRatiosOfRates) {
  const Series file = from_file({0.6, 0.6}, {0.5, 0.3}, {0.3, 0.3});
  EXPECT_EQ(answer_speeds(file, from_memory({1.0 / 3, 1}, 0)).verdict, Verdict::holds);
  const Claim slower = answer_speeds(file, from_memory({1.25, 1}, 1));
  EXPECT_EQ(slower.verdict, Verdict::depends);
  EXPECT_NE(slower.here.find("MSG_ZEROCOPY 0.80 [0.80-0.80]"), std::string::npos) << slower.here;
  EXPECT_NE(slower.why.find("the kernel copies what MSG_ZEROCOPY sends"), std::string::npos);
}

TEST(Orders, AreReadFromTheRounds) {
  const Series series = from_file({0.6, 0.6}, {0.3, 0.3}, {0.4, 0.4});
  const Condition warm = condition_of("warm", series, wall_of);
  EXPECT_EQ(warm.contenders.size(), 4u);  // the repeat is left out
  const Claim claim = answer_order(5, claimed_throughput, {warm});
  EXPECT_EQ(claim.verdict, Verdict::holds);
  EXPECT_EQ(claim.here, "warm: sendfile, splice, mmap+write, read+write");
  EXPECT_NE(claim.why.find("RDMA: no such hardware"), std::string::npos);
}

TEST(Orders, SayWhichPairIsTheOtherWayRoundAndWhichIsATie) {
  Series series = from_file({0.2, 0.2}, {0.3, 0.3}, {0.3, 0.3});
  for (std::size_t i = 0; i < rounds; ++i) {
    series.rows.back().samples[i].wall_s *= i % 2 ? 0.9 : 1.1;
  }
  const Claim claim = answer_order(5, claimed_throughput, {condition_of("warm", series, wall_of)});
  EXPECT_EQ(claim.verdict, Verdict::fails);
  EXPECT_NE(claim.why.find("the other way round: mmap+write before sendfile, mmap+write before "
                           "splice; not told apart: sendfile and splice"),
            std::string::npos)
      << claim.why;
  EXPECT_TRUE(claim.here.starts_with("warm: mmap+write, sendfile = splice, ") ||
              claim.here.starts_with("warm: mmap+write, splice = sendfile, "))
      << claim.here;
}

TEST(Orders, DependOnTheConditionWhereTheyDiffer) {
  const Series holds = from_file({0.6, 0.6}, {0.3, 0.3}, {0.4, 0.4});
  const Series fails = from_file({0.2, 0.6}, {0.3, 0.3}, {0.4, 0.4});
  const Claim claim =
      answer_order(5, claimed_throughput,
                   {condition_of("warm", holds, wall_of), condition_of("cold", fails, wall_of)});
  EXPECT_EQ(claim.verdict, Verdict::depends);
  EXPECT_EQ(claim.figures["conditions"].size(), 2u);
  EXPECT_EQ(answer_order(5, claimed_throughput, {}).verdict, Verdict::not_measurable);
}

}  // namespace
}  // namespace leat::app::bench
