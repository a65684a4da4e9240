// Goal: the harness times what it is given and nothing else, and says honestly what came of it.

#include "memory/side_by_side.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "memory/allocation_count.h"
#include "memory/sink.h"

namespace leat::app::memory {
namespace {

using Seen = Expected<std::uint64_t>;

Settings quick(int rounds) {
  return {.min_rounds = rounds, .max_rounds = rounds, .sample_ns = 2e4};
}

Group group_of(std::vector<Bound> bounds = {}) {
  return {.key = "key", .title = "a title", .operation = "turn", .bounds = std::move(bounds)};
}

/// A chain of `turns` additions, each of which waits for the one before it.
Way spin(const char* name, std::uint64_t turns) {
  return {.name = name, .run = [turns](std::uint64_t times) -> Seen {
            for (std::uint64_t i = 0; i < times * turns; ++i) keep(&i);
            return 7;
          }};
}

/// Rows of which every sample is known.
Group made_of(const std::vector<std::pair<std::string, double>>& rows, int rounds) {
  Group group = group_of();
  group.rounds = rounds;
  for (const auto& [name, ns] : rows) {
    Row row{.name = name};
    for (int round = 0; round < rounds; ++round) {
      row.wall_ns.push_back(ns * (1 + 0.001 * (round % 3)));
      row.cpu_ns.push_back(ns);
    }
    group.rows.push_back(std::move(row));
  }
  return group;
}

TEST(AllocationCount, CountsWhatOneThreadAsksFor) {
  if (!counts_allocations()) GTEST_SKIP() << "a sanitizer has its own operator new";
  const AllocationCount before = allocations_of_thread();
  const auto one = std::make_unique<std::uint64_t>(1);
  keep(one.get());
  auto many = std::make_unique<char[]>(1000);
  keep(many.get());
  struct alignas(64) Aligned {
    char bytes[64];
  };
  const auto aligned = std::make_unique<Aligned>();
  keep(aligned.get());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned.get()) % 64, 0u);
  const AllocationCount after = allocations_of_thread();
  EXPECT_EQ(after.allocations - before.allocations, 3u);
  EXPECT_EQ(after.bytes - before.bytes, 8u + 1000u + 64u);
}

// Method: one loop is another ten times over. Whatever else the machine does, a loop that is ten
// times as long is not the shorter one in the median of a dozen pairs.
TEST(SideBySide, TellsALoopFromALongerOne) {
  const auto group = measure(group_of({{.row = "short", .to = "long", .most = 0.5}}),
                             {spin("long", 100), spin("short", 10)}, quick(12));
  ASSERT_TRUE(group) << group.error();
  ASSERT_EQ(group->rows.size(), 3u);
  EXPECT_EQ(group->rows[1].label(), "long (2)");
  EXPECT_EQ(group->rounds, 12);
  for (const Row& row : group->rows) EXPECT_EQ(row.wall_ns.size(), 12u) << row.label();
  const auto limits = check_bounds(*group);
  ASSERT_EQ(limits.size(), 1u);
  EXPECT_TRUE(limits[0].met) << limits[0].text;
}

TEST(SideBySide, CountsTheHeapOfOneOperation) {
  if (!counts_allocations()) GTEST_SKIP() << "a sanitizer has its own operator new";
  const Way takes{.name = "takes", .run = [](std::uint64_t times) -> Seen {
                    for (std::uint64_t i = 0; i < 4 * times; ++i) {
                      keep(std::make_unique<char[]>(50).get());
                    }
                    return 7;
                  }};
  Way foreign = takes;
  foreign.name = "foreign";
  foreign.counts_heap = false;
  Group four = group_of({{.row = "spins", .to = "takes", .most = 1e9, .must_not_allocate = true},
                         {.row = "takes", .to = "takes", .most = 2, .must_not_allocate = true}});
  four.operations = 4;
  const auto group = measure(four, {takes, spin("spins", 10), foreign}, quick(1));
  ASSERT_TRUE(group) << group.error();
  ASSERT_TRUE(group->rows[0].heap);
  EXPECT_EQ(group->rows[0].heap->allocations, 1);
  EXPECT_EQ(group->rows[0].heap->bytes, 50);
  EXPECT_EQ(group->find("spins")->heap->allocations, 0);
  EXPECT_FALSE(group->find("foreign")->heap);
  const auto limits = check_bounds(*group);
  ASSERT_EQ(limits.size(), 2u);
  EXPECT_TRUE(limits[0].met) << limits[0].text;
  EXPECT_FALSE(limits[1].met) << limits[1].text;
}

TEST(SideBySide, PreparesEachRunAndDoesNotCountThat) {
  std::uint64_t prepared = 0;
  Way way = spin("prepared", 10);
  way.prepare = [&](std::uint64_t times) {
    prepared = times;
    keep(std::make_unique<char[]>(1000).get());
  };
  way.run = [&, spins = way.run](std::uint64_t times) -> Seen {
    if (std::exchange(prepared, 0) != times) return std::unexpected("not prepared");
    return spins(times);
  };
  const auto group = measure(group_of(), {way}, quick(2));
  ASSERT_TRUE(group) << group.error();
  if (counts_allocations()) {
    EXPECT_EQ(group->rows[0].heap->allocations, 0);
  }
}

TEST(SideBySide, WaysThatSeeSomethingElseAreAnError) {
  Way other = spin("other", 1);
  other.run = [](std::uint64_t) -> Seen { return 8; };
  const auto group = measure(group_of(), {spin("one", 1), other}, quick(1));
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error(), "other does not see what one sees");
}

TEST(SideBySide, AFailureIsToldWithItsName) {
  Way failing = spin("failing", 1);
  failing.run = [](std::uint64_t times) -> Seen {
    if (times > 1) return std::unexpected("no more");
    return 7;
  };
  const auto group = measure(group_of(), {spin("one", 1), failing}, quick(1));
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error(), "failing: no more");
}

TEST(Bounds, AreDecidedByTheInterval) {
  Group group = made_of({{"first", 100}, {"half", 50}}, 12);
  group.bounds = {{.row = "half", .to = "first", .most = 0.6},
                  {.row = "half", .to = "first", .most = 0.4}};
  const auto limits = check_bounds(group);
  ASSERT_EQ(limits.size(), 2u);
  EXPECT_TRUE(limits[0].met && limits[0].settled) << limits[0].text;
  EXPECT_TRUE(!limits[1].met && limits[1].settled) << limits[1].text;
  EXPECT_TRUE(is_settled(group, group.rows[1]));
}

TEST(Bounds, OfTooFewRoundsAreNoisy) {
  Group group = made_of({{"first", 100}, {"half", 50}}, 2);
  group.bounds = {{.row = "half", .to = "first", .most = 0.6}};
  const auto limits = check_bounds(group);
  ASSERT_EQ(limits.size(), 1u);
  EXPECT_FALSE(limits[0].settled);
  EXPECT_FALSE(is_settled(group, group.rows[1]));
}

TEST(Bounds, AreHeldAgainstNothingThatIsAbsent) {
  Group group = made_of({{"first", 100}, {"half", 50}}, 12);
  group.bounds = {{.row = "half", .to = "a peer", .most = 0.6},
                  {.row = "a peer", .to = "first", .most = 0.6}};
  EXPECT_TRUE(check_bounds(group).empty());
}

}  // namespace
}  // namespace leat::app::memory
