// Goal: a policy that refuses calls costs speed, never bytes. Method: seccomp filters on the thread
// that moves; feeders and drainers, on threads of their own, are not touched.

#include <array>
#include <optional>

#include <gtest/gtest.h>

#include "support/filter.h"
#include "support/guards.h"
#include "support/run_case.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t size = 65537;
constexpr std::array errnos = {ENOSYS, EPERM, EINVAL};

/// What needs none of the special calls for it.
Mechanism floor_of(const FittingPair& pair) {
  return *Mechanism::named(pair.from == EndKind::chain ? "gather" : "read_write");
}

class FilteredTest : public GuardedTest {
 protected:
  void SetUp() override {
    if (const std::string why = filters_unavailable(); !why.empty()) GTEST_SKIP() << why;
  }
  static Outcome run_refused(const Case& one, const std::vector<std::string_view>& calls,
                             int error_number) {
    return run_case(one, [&](const std::function<void()>& body) {
      on_own_thread([&] {
        refuse_calls(calls, error_number);
        body();
      });
    });
  }
  static void expect_whole(const Outcome& outcome) {
    EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
    EXPECT_EQ(outcome.receipt.delivered, size) << describe(outcome.receipt);
    EXPECT_TRUE(outcome.receipt.ok()) << describe(outcome.receipt);
  }
};

class Refused : public FilteredTest, public ::testing::WithParamInterface<FittingPair> {
 protected:
  Case ragged() const { return ragged_case(GetParam().from, GetParam().to, size); }
};

TEST_P(Refused, each_special_call_alone) {
  for (const std::string_view call : special_calls)
    for (const int error_number : errnos)
      for (const Driver driver : {Driver::steps, Driver::call}) {
        SCOPED_TRACE(std::string(call) + " answers " + std::to_string(error_number));
        Case one = ragged();
        one.driver = driver;
        expect_whole(run_refused(one, {call}, error_number));
      }
}

TEST_P(Refused, all_special_calls_at_once) {
  for (const int error_number : errnos)
    for (const Driver driver : {Driver::steps, Driver::call})
      for (const bool whole : {false, true}) {
        SCOPED_TRACE("errno " + std::to_string(error_number) + (whole ? ", whole" : ", window"));
        Case one = whole ? whole_case(GetParam().from, GetParam().to, size) : ragged();
        one.driver = driver;
        const Outcome outcome = run_refused(one, special_calls, error_number);
        expect_whole(outcome);
        EXPECT_TRUE(moved_by_alone(outcome.receipt, floor_of(GetParam())))
            << describe(outcome.receipt);
      }
}

// The filter comes down after the first step that moved something: the rest goes another way, from
// where it stopped, and the receipt says where that was.
TEST_P(Refused, all_special_calls_on_the_way) {
  for (const int error_number : errnos) {
    SCOPED_TRACE("errno " + std::to_string(error_number));
    Case one = ragged();
    one.limit = 10'000;
    bool refusing = false;
    one.options.progress = [&](const Step&) {
      if (!std::exchange(refusing, true)) refuse_calls(special_calls, error_number);
    };
    const Outcome outcome =
        run_case(one, [](const std::function<void()>& body) { on_own_thread(body); });
    expect_whole(outcome);
    EXPECT_TRUE(refusing);
    for (const Refusal& refusal : outcome.receipt.refusals) {
      // Across file systems copy_file_range had declined before that, in its own words.
      if (refusal.error_number == EXDEV && crosses_file_systems(GetParam())) continue;
      EXPECT_EQ(refusal.error_number, error_number) << describe(outcome.receipt);
      EXPECT_NE(refusal.mechanism.name(), "read_write");
    }
    const bool first_was_floor = outcome.receipt.legs[0].mechanism == floor_of(GetParam());
    EXPECT_EQ(outcome.receipt.refusals.empty(), first_was_floor) << describe(outcome.receipt);
  }
}

TEST_P(Refused, everything_is_a_failure_with_exact_counts) {
  for (const int error_number : errnos) {
    SCOPED_TRACE("errno " + std::to_string(error_number));
    std::vector<std::string_view> calls = special_calls;
    calls.insert(calls.end(), plain_calls.begin(), plain_calls.end());
    const Outcome outcome = run_refused(ragged(), calls, error_number);
    if (is_memory(GetParam().from) && GetParam().to == EndKind::memory) {
      expect_whole(outcome);  // which takes no call at all
      continue;
    }
    EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
    EXPECT_EQ(outcome.receipt.ending, Ending::failed) << describe(outcome.receipt);
    EXPECT_EQ(outcome.receipt.delivered, 0u) << describe(outcome.receipt);
    ASSERT_TRUE(outcome.receipt.error);
    EXPECT_TRUE(outcome.receipt.error->is(error_number)) << describe(outcome.receipt);
  }
}

// Reading works, writing does not, or the other way round, from the first step or on the way: what
// was taken and could not be delivered is stranded, and handed back (run_case looks at it).
TEST_P(Refused, a_plain_call_alone_is_exact_too) {
  for (const std::string_view call : plain_calls)
    for (const bool on_the_way : {false, true}) {
      SCOPED_TRACE(std::string(call) + (on_the_way ? " on the way" : " from the start"));
      Case one = ragged();
      one.limit = 10'000;
      one.options.mechanism = *Mechanism::named("read_write");
      std::optional<std::uint64_t> at;
      if (on_the_way)
        one.options.progress = [&](const Step& step) {
          if (!at) refuse_calls({call}, EPERM);
          if (!at) at = step.delivered;
        };
      const Outcome outcome = on_the_way
                                  ? run_case(one, [](const auto& body) { on_own_thread(body); })
                                  : run_refused(one, {call}, EPERM);
      EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
      if (outcome.receipt.ok()) {
        EXPECT_EQ(outcome.receipt.delivered, size) << describe(outcome.receipt);
      } else {
        EXPECT_EQ(outcome.receipt.ending, Ending::failed);
        EXPECT_LT(outcome.receipt.delivered, size) << describe(outcome.receipt);
        EXPECT_TRUE(outcome.receipt.error->is(EPERM)) << describe(outcome.receipt);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(every_pair, Refused, ::testing::ValuesIn(all_pairs()),
                         [](const auto& each) { return name_of(each.param); });

class ForcedRefused : public FilteredTest, public ::testing::WithParamInterface<FittingPair> {
 protected:
  void SetUp() override {
    FilteredTest::SetUp();
    const std::string_view why = GetParam().mechanism.unavailable();
    if (!why.empty()) GTEST_SKIP() << GetParam().mechanism.name() << ": " << why;
  }
};

// The twin: a forced mechanism has nobody to go on for it.
TEST_P(ForcedRefused, fails_with_exact_counts) {
  std::vector<std::string_view> calls = special_calls;
  calls.insert(calls.end(), plain_calls.begin(), plain_calls.end());
  for (const int error_number : errnos)
    for (const bool on_the_way : {false, true}) {
      SCOPED_TRACE("errno " + std::to_string(error_number) +
                   (on_the_way ? " on the way" : " from the start"));
      Case one = ragged_case(GetParam().from, GetParam().to, size);
      one.limit = 10'000;
      one.options.mechanism = GetParam().mechanism;
      bool refusing = false;
      if (on_the_way)
        one.options.progress = [&](const Step&) {
          if (!std::exchange(refusing, true)) refuse_calls(calls, error_number);
        };
      const Outcome outcome = run_case(one, [&](const std::function<void()>& body) {
        on_own_thread([&] {
          if (!on_the_way) refuse_calls(calls, error_number);
          body();
        });
      });
      EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
      if (is_memory(GetParam().from) && GetParam().to == EndKind::memory) continue;
      EXPECT_EQ(outcome.receipt.ending, Ending::failed) << describe(outcome.receipt);
      ASSERT_TRUE(outcome.receipt.error);
      EXPECT_TRUE(outcome.receipt.error->is(error_number) ||
                  outcome.receipt.error->is(Errc::does_not_fit))
          << describe(outcome.receipt);
      EXPECT_EQ(outcome.receipt.delivered > 0, on_the_way) << describe(outcome.receipt);
      EXPECT_LT(outcome.receipt.delivered, size);
    }
}

INSTANTIATE_TEST_SUITE_P(every_fitting_pair, ForcedRefused, ::testing::ValuesIn(fitting_pairs()),
                         [](const auto& each) { return name_of(each.param); });

class NoPoll : public FilteredTest {};

// Waiting refused: the call can only give up, and says so instead of spinning.
TEST_F(NoPoll, is_an_error_not_a_spin) {
  const Pair pair = make_tcp_pair();
  std::vector<std::byte> into(10);
  Receipt receipt;
  on_own_thread([&] {
    refuse_calls({"ppoll", "poll"}, EPERM);
    receipt = transfer(Source::socket(pair.from.ref()), Sink(std::span(into)));
  });
  EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(EPERM)) << describe(receipt);
}

}  // namespace
}  // namespace leat::testing
