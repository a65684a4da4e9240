// Goal: the suite cannot become empty, and what a mechanism does not fit it does not touch.

#include <algorithm>

#include <gtest/gtest.h>

#include "support/bounds.h"
#include "support/guards.h"
#include "support/run_case.h"

namespace leat::testing {
namespace {

bool contains(const std::vector<FittingPair>& pairs, std::string_view mechanism, EndKind from,
              EndKind to) {
  return std::ranges::any_of(pairs, [&](const FittingPair& pair) {
    return pair.mechanism.name() == mechanism && pair.from == from && pair.to == to;
  });
}

TEST(Pairs, read_write_fits_every_pair) {
  const auto pairs = fitting_pairs();
  for (const FittingPair& pair : all_pairs()) {
    // Which are memory to it.
    if (pair.from == EndKind::slice || pair.from == EndKind::chain) continue;
    EXPECT_TRUE(contains(pairs, "read_write", pair.from, pair.to)) << name_of(pair);
  }
}

TEST(Pairs, sendfile_fits_files_to_streams) {
  const auto pairs = fitting_pairs();
  for (const auto& [none, from, to] : all_pairs())
    EXPECT_EQ(contains(pairs, "sendfile", from, to), is_file(from) && is_stream(to))
        << name_of(from) << " to " << name_of(to);
}

// It writes at the sink's own offset, so a borrowed file at another one is not for it; an owned one
// is.
class SendfileToFile : public GuardedTest {};

TEST_F(SendfileToFile, fits_an_owned_one) {
  Case one = ragged_case(EndKind::file, EndKind::tmpfs_file, 65537);
  one.options.mechanism = *Mechanism::named("sendfile");
  one.to_options.owned = true;
  for (const Driver driver : {Driver::steps, Driver::call}) {
    one.driver = driver;
    const Outcome outcome = run_case(one);
    EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
    EXPECT_EQ(outcome.receipt.delivered, 65537u) << describe(outcome.receipt);
    EXPECT_TRUE(moved_by_alone(outcome.receipt, one.options.mechanism));
  }
}

class AcrossFileSystems : public GuardedTest {};

// The kernel knows only when asked; the twin of copy_file_range's fast path.
TEST_F(AcrossFileSystems, copy_file_range_refuses_and_another_goes_on) {
  const Mechanism refusing = *Mechanism::named("copy_file_range");
  Case one = ragged_case(EndKind::file, EndKind::tmpfs_file, 300'001);  // it is first between such
  const Outcome outcome = run_case(one);
  EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
  EXPECT_EQ(outcome.receipt.delivered, 300'001u) << describe(outcome.receipt);
  ASSERT_EQ(outcome.receipt.refusals.size(), 1u) << describe(outcome.receipt);
  EXPECT_EQ(outcome.receipt.refusals[0].mechanism, refusing);
  EXPECT_EQ(outcome.receipt.refusals[0].error_number, EXDEV);
  EXPECT_EQ(outcome.receipt.refusals[0].at, 0u);
  one.options.mechanism = refusing;
  const Outcome forced = run_case(one);
  EXPECT_EQ(forced.trouble, "") << describe(forced.receipt);
  EXPECT_EQ(forced.receipt.ending, Ending::failed);
  EXPECT_EQ(forced.receipt.delivered, 0u);
  EXPECT_TRUE(forced.receipt.error->is(EXDEV)) << describe(forced.receipt);
}

TEST(Pairs, splice_fits_descriptors) {
  const auto pairs = fitting_pairs();
  for (const auto& [none, from, to] : all_pairs()) {
    if (is_memory(from) || is_memory(to)) {
      EXPECT_FALSE(contains(pairs, "splice", from, to)) << name_of(from) << " to " << name_of(to);
    } else if (is_stream(from)) {
      EXPECT_TRUE(contains(pairs, "splice", from, to)) << name_of(from) << " to " << name_of(to);
    }
  }
}

TEST(Pairs, copy_file_range_fits_files_only) {
  const auto pairs = fitting_pairs();
  for (const auto& [none, from, to] : all_pairs()) {
    if (from == to && is_file(from)) {
      EXPECT_TRUE(contains(pairs, "copy_file_range", from, to)) << name_of(from);
    }
    if (!is_file(from) || !is_file(to)) {
      EXPECT_FALSE(contains(pairs, "copy_file_range", from, to))
          << name_of(from) << " to " << name_of(to);
    }
  }
}

TEST(Pairs, zerocopy_send_fits_slices_to_connections) {
  const auto pairs = fitting_pairs();
  for (const auto& [none, from, to] : all_pairs())
    EXPECT_EQ(contains(pairs, "zerocopy_send", from, to),
              (from == EndKind::slice || from == EndKind::chain) && to == EndKind::connection)
        << name_of(from) << " to " << name_of(to);
}

TEST(Pairs, vmsplice_fits_slices_to_streams) {
  const auto pairs = fitting_pairs();
  for (const auto& [none, from, to] : all_pairs())
    EXPECT_EQ(contains(pairs, "vmsplice", from, to),
              (from == EndKind::slice || from == EndKind::chain) && is_stream(to))
        << name_of(from) << " to " << name_of(to);
}

TEST(Pairs, gather_fits_memory_and_chains) {
  const auto pairs = fitting_pairs();
  for (const auto& [none, from, to] : all_pairs())
    EXPECT_EQ(contains(pairs, "gather", from, to),
              (from == EndKind::memory || from == EndKind::chain) && !is_memory(to))
        << name_of(from) << " to " << name_of(to);
}

class Misfit : public GuardedTest, public ::testing::WithParamInterface<FittingPair> {};

TEST_P(Misfit, says_so_and_moves_nothing) {
  for (const Driver driver : {Driver::steps, Driver::call, Driver::free_call}) {
    Case one = ragged_case(GetParam().from, GetParam().to, 4097);
    one.options.mechanism = GetParam().mechanism;
    one.driver = driver;
    const Outcome outcome = run_case(one);
    EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
    EXPECT_EQ(outcome.receipt.ending, Ending::failed);
    ASSERT_TRUE(outcome.receipt.error);
    EXPECT_TRUE(outcome.receipt.error->is(Errc::does_not_fit)) << describe(outcome.receipt);
    EXPECT_NE(outcome.receipt.error->hint, "") << "the hint says why";
    EXPECT_EQ(outcome.receipt.delivered, 0u);
    EXPECT_EQ(outcome.receipt.stranded, 0u);
  }
}

// At the places that it was found not to fit: reflink fits at others, on file systems that have it.
TEST_P(Misfit, is_never_what_moved_the_bytes) {
  LEAT_SKIP_IF_OVER_BOUND(65537u);
  const Case one = ragged_case(GetParam().from, GetParam().to, 65537);
  const Outcome outcome = run_case(one);
  EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
  EXPECT_EQ(outcome.receipt.delivered, 65537u);
  for (const Leg& leg : outcome.receipt.legs) EXPECT_NE(leg.mechanism, GetParam().mechanism);
}

INSTANTIATE_TEST_SUITE_P(every_misfit, Misfit, ::testing::ValuesIn(misfits()),
                         [](const auto& each) { return name_of(each.param); });

class Chosen : public GuardedTest, public ::testing::WithParamInterface<FittingPair> {};

// The plan and what then happens agree: on an undisturbed pair the first choice moves everything.
void check_that_it_moves_all(const FittingPair& pair, std::shared_ptr<const Costs> costs) {
  constexpr std::uint64_t size = (1u << 20) + 17;
  LEAT_SKIP_IF_OVER_BOUND(size);
  Case one = ragged_case(pair.from, pair.to, size);
  one.costs = costs;
  Mechanism chosen;
  {
    Context context = make_context({.costs = costs});
    const auto [source, sink] = ends_of(one, context);
    const Plan planned = plan(source->source(), sink->sink(), {}, *costs);
    chosen = planned.chosen();
    EXPECT_EQ(planned.candidates.size(), Mechanism::count());
    for (const Candidate& candidate : planned.candidates) EXPECT_NE(candidate.reason, "");
  }
  ASSERT_TRUE(chosen);
  const Outcome outcome = run_case(one);
  EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
  if (chosen.name() == "copy_file_range" && crosses_file_systems(pair)) return;
  EXPECT_TRUE(moved_by_alone(outcome.receipt, chosen))
      << chosen.name() << " was planned; " << describe(outcome.receipt);
}

TEST_P(Chosen, moves_it_alone_by_the_fixed_order) {
  check_that_it_moves_all(GetParam(), std::make_shared<const Costs>());
}

TEST_P(Chosen, moves_it_alone_by_measured_costs) {
  check_that_it_moves_all(GetParam(), std::make_shared<const Costs>(Costs::shipped()));
}

INSTANTIATE_TEST_SUITE_P(every_pair, Chosen, ::testing::ValuesIn(all_pairs()),
                         [](const auto& each) { return name_of(each.param); });

}  // namespace
}  // namespace leat::testing
