#include "bench/claims_verdict.h"

#include <limits>

#include <gtest/gtest.h>

namespace leat::app::bench {
namespace {

using enum Agreement;

constexpr Band band{0.25, 0.36};

TEST(CompareTo, TheIntervalDecidesNotItsMiddle) {
  EXPECT_EQ(compare_to({0.30, 0.28, 0.32}, band), agrees);
  EXPECT_EQ(compare_to({0.20, 0.18, 0.24}, band), below);
  EXPECT_EQ(compare_to({0.40, 0.37, 0.42}, band), above);
  EXPECT_EQ(compare_to({0.30, 0.24, 0.32}, band), not_told_apart);
  EXPECT_EQ(compare_to({0.30, 0.28, 0.37}, band), not_told_apart);
  EXPECT_EQ(compare_to({0.30, 0.10, 0.90}, band), not_told_apart);
}

TEST(CompareTo, OnePairTellsNothing) {
  EXPECT_EQ(compare_to({0.3, 0, std::numeric_limits<double>::max()}, band), not_told_apart);
}

TEST(Around, AFifthIsTheSameFigure) {
  EXPECT_NEAR(around(0.3).low, 0.25, 1e-12);
  EXPECT_NEAR(around(0.3).high, 0.36, 1e-12);
  EXPECT_NEAR(around(2).high, 2.4, 1e-12);
}

TEST(Judge, AllHaveToAgree) {
  EXPECT_EQ(judge(std::vector{agrees, agrees}), Verdict::holds);
  EXPECT_EQ(judge(std::vector{agrees, above}), Verdict::depends);
  EXPECT_EQ(judge(std::vector{below, above}), Verdict::fails);
  EXPECT_EQ(judge(std::vector{agrees, not_told_apart}), Verdict::not_told_apart);
  EXPECT_EQ(judge(std::vector{below, not_told_apart}), Verdict::not_told_apart);
  EXPECT_EQ(judge(std::vector{agrees, below, not_told_apart}), Verdict::depends);
  EXPECT_EQ(judge(std::span<const Agreement>()), Verdict::not_measurable);
}

TEST(Judge, NamesDoNotMatter) {
  EXPECT_EQ(judge({{"one", agrees}, {"other", above}}), Verdict::depends);
  EXPECT_EQ(judge(std::vector<NamedAgreement>()), Verdict::not_measurable);
}

TEST(Say, GroupsWhatWasFound) {
  const std::vector<NamedAgreement> figures{
      {"sendfile", agrees}, {"splice", agrees}, {"mmap+write", above}, {"wall", not_told_apart}};
  EXPECT_EQ(say(figures, "less than claimed", "more than claimed"),
            "as claimed: sendfile, splice; more than claimed: mmap+write; undecided: wall");
  EXPECT_EQ(say({}, "less", "more"), "");
}

TEST(Prefer, AnIntervalThatHoldsOneIsATie) {
  EXPECT_EQ(prefer({0.9, 0.85, 0.95}), Preference::first);
  EXPECT_EQ(prefer({1.1, 1.05, 1.2}), Preference::second);
  EXPECT_EQ(prefer({0.97, 0.9, 1}), Preference::tie);
  EXPECT_EQ(prefer({1.0, 0.99, 1.01}), Preference::tie);
}

TEST(JudgeOrder, OnePairTheOtherWayRoundIsEnough) {
  using enum Preference;
  EXPECT_EQ(judge_order(std::vector{first, first}), Verdict::holds);
  EXPECT_EQ(judge_order(std::vector{first, tie}), Verdict::depends);
  EXPECT_EQ(judge_order(std::vector{first, tie, second}), Verdict::fails);
  EXPECT_EQ(judge_order(std::vector{tie, tie}), Verdict::not_told_apart);
  EXPECT_EQ(judge_order({}), Verdict::not_measurable);
}

TEST(Combine, ConditionsThatDiffer) {
  using enum Verdict;
  EXPECT_EQ(combine(std::vector{holds, holds}), holds);
  EXPECT_EQ(combine(std::vector{fails, holds}), depends);
  EXPECT_EQ(combine(std::vector{not_measurable, fails}), fails);
  EXPECT_EQ(combine(std::vector{holds, not_measurable}), holds);
  EXPECT_EQ(combine(std::vector{not_told_apart, holds}), depends);
  EXPECT_EQ(combine({}), not_measurable);
}

TEST(Verdict, IsNamedAsInTheJson) {
  EXPECT_EQ(name_of(Verdict::holds), "holds");
  EXPECT_EQ(name_of(Verdict::not_measurable), "not_measurable");
  EXPECT_EQ(name_of(not_told_apart), "not_told_apart");
}

}  // namespace
}  // namespace leat::app::bench
