// Goal: figures come back as they were put in, between and beyond them a line, and nothing where
// nothing was measured. And: plans order by them. Method: made-up figures; no kernel.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/costs.h>

#include "plan/ranking_table.h"

namespace leat::testing {
namespace {

Mechanism named(std::string_view name) { return *Mechanism::named(name); }

CostFigure figure(std::string_view mechanism, std::uint64_t bytes, double wall_ns) {
  return {CostSource::file, CostSink::tcp, named(mechanism), bytes, wall_ns, wall_ns / 2};
}

Costs of(std::initializer_list<CostFigure> figures) {
  Costs costs;
  for (const CostFigure& each : figures) costs.add(each);
  return costs;
}

double wall(const Costs& costs, std::string_view mechanism, std::uint64_t bytes) {
  const auto estimate = costs.estimate(CostSource::file, CostSink::tcp, named(mechanism), bytes);
  return estimate ? estimate->wall_ns : -1;
}

TEST(Costs, are_a_line_between_figures_and_beyond_the_last) {
  const Costs costs = of({figure("sendfile", 4096, 1000), figure("sendfile", 8192, 1400),
                          figure("sendfile", 16384, 3000)});
  EXPECT_DOUBLE_EQ(wall(costs, "sendfile", 4096), 1000);
  EXPECT_DOUBLE_EQ(wall(costs, "sendfile", 6144), 1200);
  EXPECT_DOUBLE_EQ(wall(costs, "sendfile", 8192), 1400);
  EXPECT_DOUBLE_EQ(wall(costs, "sendfile", 16384), 3000);
  EXPECT_DOUBLE_EQ(wall(costs, "sendfile", 24576), 4600);
  EXPECT_DOUBLE_EQ(wall(costs, "sendfile", 1), 1000) << "a call costs what it costs";
  const auto between = costs.estimate(CostSource::file, CostSink::tcp, named("sendfile"), 6144);
  EXPECT_DOUBLE_EQ(between->cpu_ns, 600);
  EXPECT_DOUBLE_EQ(wall(costs, "splice", 4096), -1);
  EXPECT_FALSE(costs.estimate(CostSource::memory, CostSink::tcp, named("sendfile"), 1));
}

TEST(Costs, of_one_figure_do_not_depend_on_the_length) {
  const Costs costs = of({figure("splice", 4096, 70)});
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{4096}, std::uint64_t{1} << 40})
    EXPECT_DOUBLE_EQ(wall(costs, "splice", bytes), 70);
}

// Noise: a longer transfer that took less would cost nothing a little further on.
TEST(Costs, never_fall_below_what_was_measured) {
  const Costs costs = of({figure("splice", 1000, 100), figure("splice", 2000, 50)});
  EXPECT_DOUBLE_EQ(wall(costs, "splice", 1 << 30), 50);
  const auto estimate = costs.estimate(CostSource::file, CostSink::tcp, named("splice"), 1 << 30);
  EXPECT_DOUBLE_EQ(estimate->cpu_ns, 25);
}

TEST(Costs, take_a_figure_once_and_no_nonsense) {
  Costs costs = of({figure("splice", 4096, 70)});
  costs.add(figure("splice", 4096, 80));
  EXPECT_EQ(costs.figures().size(), 1u);
  EXPECT_DOUBLE_EQ(wall(costs, "splice", 4096), 80);
  for (const double bad : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    costs.add(figure("splice", 8192, bad));
  costs.add({CostSource::file, CostSink::tcp, Mechanism(), 4096, 1, 1});
  EXPECT_EQ(costs.figures().size(), 1u);
}

TEST(Costs, are_the_same_in_whatever_order_they_come) {
  const Costs& shipped = Costs::shipped();
  std::vector<CostFigure> figures(shipped.figures().begin(), shipped.figures().end());
  std::mt19937 random(7);
  std::shuffle(figures.begin(), figures.end(), random);
  Costs shuffled;
  for (const CostFigure& figure : figures) shuffled.add(figure);
  for (const CostFigure& figure : figures) {
    const auto known =
        shuffled.estimate(figure.source, figure.sink, figure.mechanism, figure.bytes);
    ASSERT_TRUE(known);
    EXPECT_DOUBLE_EQ(known->wall_ns, figure.wall_ns);
    EXPECT_DOUBLE_EQ(known->cpu_ns, figure.cpu_ns);
  }
}

TEST(Costs, shipped_ones_cover_the_usual_pairs) {
  const Costs& shipped = Costs::shipped();
  for (const std::string_view name : {"sendfile", "splice", "read_write", "mmap_write"})
    EXPECT_GT(wall(shipped, name, 1 << 20), 0) << name;
  EXPECT_TRUE(shipped.estimate(CostSource::memory, CostSink::tcp, named("read_write"), 4096));
  EXPECT_TRUE(shipped.estimate(CostSource::socket, CostSink::tcp, named("splice"), 1 << 20));
  EXPECT_TRUE(shipped.estimate(CostSource::file, CostSink::file, named("read_write"), 1 << 20));
}

std::string order(const Costs& costs, std::uint64_t length) {
  const SourceFacts file{
      .kind = Kind::file, .regular = true, .true_size = true, .promised = length, .left = length};
  const SinkFacts socket{.kind = Kind::socket, .tcp = true};
  const Ranking ranking = rank(file, socket, {.costs = &costs});
  std::string text;
  for (std::size_t index = 0; index < ranking.count; ++index)
    text += (index ? " " : "") + std::string(ranking.order[index].name());
  return text;
}

TEST(RankByCosts, puts_the_cheapest_first_for_the_length) {
  const Costs costs = of({figure("sendfile", 4096, 100), figure("splice", 4096, 200),
                          figure("read_write", 4096, 50), figure("sendfile", 1 << 20, 9000),
                          figure("splice", 1 << 20, 2000), figure("read_write", 1 << 20, 90'000)});
  EXPECT_EQ(order(costs, 4096), "read_write sendfile splice mmap_write direct_io");
  EXPECT_EQ(order(costs, 1 << 20), "splice sendfile mmap_write read_write direct_io")
      << "what was not measured stays where its kind has it";
}

TEST(RankByCosts, weighs_wall_and_CPU_time_alike) {
  const auto first = [](double wall_ns, double cpu_ns) {
    const Costs costs =
        of({figure("sendfile", 4096, 200),
            {CostSource::file, CostSink::tcp, named("splice"), 4096, wall_ns, cpu_ns}});
    return order(costs, 4096).substr(0, 6);
  };
  EXPECT_EQ(first(400, 40), "splice") << "sendfile takes 200 and 100";
  EXPECT_EQ(first(20, 800), "splice");
  EXPECT_EQ(first(400, 60), "sendfi");
  EXPECT_EQ(first(30, 800), "sendfi");
}

TEST(RankByCosts, takes_those_of_a_cold_file_for_one_that_is_cold) {
  Costs costs = of({figure("sendfile", 4096, 100), figure("splice", 4096, 200)});
  for (const auto& [name, ns] : {std::pair{"sendfile", 200.0}, std::pair{"splice", 100.0}})
    costs.add({CostSource::cold_file, CostSink::tcp, named(name), 4096, ns, ns});
  SourceFacts file{
      .kind = Kind::file, .regular = true, .true_size = true, .promised = 4096, .left = 4096};
  for (const Cached cached : {Cached::unknown, Cached::little, Cached::mostly}) {
    file.cached = cached;
    const Ranking ranking = rank(file, {.kind = Kind::socket, .tcp = true}, {.costs = &costs});
    EXPECT_EQ(ranking.order[0].name(), cached == Cached::little ? "splice" : "sendfile");
  }
}

TEST(RankByCosts, takes_a_length_that_nobody_knows_for_a_long_one) {
  const Costs costs = of({figure("sendfile", 4096, 100), figure("splice", 4096, 200),
                          figure("sendfile", 1 << 20, 9000), figure("splice", 1 << 20, 2000)});
  EXPECT_TRUE(order(costs, 4096).starts_with("sendfile"));
  EXPECT_TRUE(order(costs, to_end).starts_with("splice"));
}

TEST(RankByCosts, leaves_the_fixed_order_where_costs_are_as_good_as_equal) {
  const Costs near = of({figure("sendfile", 4096, 102), figure("splice", 4096, 100)});
  EXPECT_TRUE(order(near, 4096).starts_with("sendfile splice"));
  const Costs apart = of({figure("sendfile", 4096, 104), figure("splice", 4096, 100)});
  EXPECT_TRUE(order(apart, 4096).starts_with("splice sendfile"));
}

// Its two longest were disturbed: that must not put it before all others for what is longer.
TEST(RankByCosts, is_not_led_astray_by_a_figure_that_noise_made_small) {
  const Costs costs = of({figure("sendfile", 1 << 20, 1000), figure("sendfile", 2 << 20, 900),
                          figure("splice", 1 << 20, 500), figure("splice", 4 << 20, 550)});
  EXPECT_TRUE(order(costs, 4 << 20).starts_with("splice"));
  EXPECT_TRUE(order(costs, 16 << 20).starts_with("splice"));
}

TEST(RankByCosts, never_brings_forward_what_passes_by_the_cache) {
  const Costs costs = of({figure("direct_io", 4096, 1), figure("sendfile", 4096, 110),
                          figure("splice", 4096, 90), figure("read_write", 4096, 100)});
  EXPECT_EQ(order(costs, 4096), "splice read_write sendfile mmap_write direct_io");
}

TEST(RankByCosts, plans_all_lengths_of_a_class_alike) {
  for (const std::uint64_t length : {std::uint64_t{4096}, std::uint64_t{8191}}) {
    EXPECT_EQ(size_class(length), size_class(4096));
    EXPECT_EQ(planned_length(length), 4096u);
  }
  EXPECT_NE(size_class(8192), size_class(8191));
  EXPECT_EQ(size_class(to_end), size_classes - 1);
}

TEST(RankingTable, keeps_one_for_each_class_and_equal_ones_once) {
  RankingTable table;
  EXPECT_EQ(table.find(4096), nullptr);
  Ranking one;
  one.order[one.count++] = named("splice");
  table.keep(4096, one);
  table.keep(1 << 20, one);
  ASSERT_NE(table.find(5000), nullptr);
  EXPECT_EQ(table.find(5000), table.find(1 << 20));
  EXPECT_EQ(table.find(100), nullptr);
  table.clear();
  EXPECT_EQ(table.find(4096), nullptr);
}

}  // namespace
}  // namespace leat::testing
