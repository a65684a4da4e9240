// Goal: every mechanism moves every size between every pair of endpoints it fits, byte for byte,
// alone. Method: the registry and plan() say what fits what, so a new mechanism is taken up by
// itself; each endpoint checks bytes, digest, surroundings, offsets, flags and options by itself.

#include <algorithm>

#include <gtest/gtest.h>

#include "os/ring.h"
#include "support/bounds.h"
#include "support/guards.h"
#include "support/run_case.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t sizes[] = {0, 1, 4095, 4096, 4097, 65537};
constexpr std::uint64_t large_size = (8u << 20) + 3;

class Bytes : public AlonePairTest {
 protected:
  // A size of 0 may be a lie (/proc), so for a file read to its end copy_file_range, which could
  // not tell, does not fit.
  static bool refused_as_empty(const Case& one, const Receipt& receipt) {
    return is_file(one.from) && !one.from_options.promised && receipt.error &&
           receipt.error->is(Errc::does_not_fit) &&
           one.options.mechanism.name() == "copy_file_range";
  }

  void expect_window_moved(std::uint64_t size) {
    Case one = ragged_case(GetParam().from, GetParam().to, size);
    expect_moved(one, "by steps");
    one.driver = Driver::call;
    expect_moved(one, "by one call");
  }

  void expect_whole_moved(std::uint64_t size) {
    Case one = whole_case(GetParam().from, GetParam().to, size);
    expect_moved(one, "by steps");
    one.driver = Driver::free_call;
    expect_moved(one, "by the free function");
  }

  void expect_moved(Case one, const std::string& what) {
    const FittingPair& pair = GetParam();
    one.options.mechanism = pair.mechanism;
    const std::uint64_t size = one.from_options.size;
    SCOPED_TRACE(what + ", " + std::to_string(size) + " bytes");
    const Outcome outcome = run_case(one);
    if (size == 0 && refused_as_empty(one, outcome.receipt)) return;
    EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
    EXPECT_EQ(outcome.receipt.delivered, size) << describe(outcome.receipt);
    EXPECT_TRUE(is_undisturbed_ending(one, outcome.receipt.ending)) << describe(outcome.receipt);
    for (const Leg& leg : outcome.receipt.legs) {
      EXPECT_TRUE(leg.calls > 0 || (is_memory(one.from) && one.to == EndKind::memory))
          << describe(outcome.receipt);
    }
    EXPECT_EQ(outcome.receipt.stranded, 0u);
    // A whole transfer that was refused something by its only mechanism went on without.
    const bool has_ring = os::ring_verdict(os::RingNeed::files).empty();
    EXPECT_TRUE(outcome.receipt.refusals.empty() || !has_ring) << describe(outcome.receipt);
    EXPECT_TRUE(moved_by_alone(outcome.receipt, pair.mechanism)) << describe(outcome.receipt);
  }
};

TEST_P(Bytes, of_a_window) {
  LEAT_SKIP_IF_OVER_BOUND(std::ranges::max(sizes));
  for (const std::uint64_t size : sizes) expect_window_moved(size);
}

TEST_P(Bytes, of_a_large_window) {
  LEAT_SKIP_IF_OVER_BOUND(large_size);
  expect_window_moved(large_size);
}

TEST_P(Bytes, to_the_end) {
  LEAT_SKIP_IF_OVER_BOUND(std::ranges::max(sizes));
  for (const std::uint64_t size : sizes) expect_whole_moved(size);
}

TEST_P(Bytes, to_the_end_of_a_large_source) {
  LEAT_SKIP_IF_OVER_BOUND(large_size);
  expect_whole_moved(large_size);
}

TEST_P(Bytes, in_small_and_odd_steps) {
  LEAT_SKIP_IF_OVER_BOUND(65537u);
  Case one = ragged_case(GetParam().from, GetParam().to, 65537);
  for (const std::uint64_t limit :
       {std::uint64_t{1021}, std::uint64_t{4096}, std::uint64_t{65536}}) {
    one.limit = limit;
    expect_moved(one, "limit " + std::to_string(limit));
  }
  one = ragged_case(GetParam().from, GetParam().to, 129);
  one.limit = 1;
  expect_moved(one, "limit 1");
}

INSTANTIATE_TEST_SUITE_P(every_fitting_pair, Bytes, ::testing::ValuesIn(fitting_pairs()),
                         [](const auto& each) { return name_of(each.param); });

}  // namespace
}  // namespace leat::testing
