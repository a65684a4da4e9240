// Goal: what uses a context's ring moves every size byte for byte in registered memory too. Method:
// the mechanisms and pairs of the suite, with blocks that are registered with the context; its
// counters tell that they were used.

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/ring.h"
#include "support/bounds.h"
#include "support/guards.h"
#include "support/run_case.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t sizes[] = {0, 1, 4095, 4096, 4097, 65537};
constexpr std::uint64_t large_size = (1u << 20) + 3;
constexpr std::uint32_t slot_bytes = 64 << 10;

std::vector<FittingPair> pairs_on_the_ring() {
  std::vector<FittingPair> pairs;
  std::ranges::copy_if(fitting_pairs(), std::back_inserter(pairs), [](const FittingPair& pair) {
    return pair.mechanism.name() == "direct_io" || pair.mechanism.name() == "uring_send_zc";
  });
  return pairs;
}

class Registered : public AlonePairTest {
 protected:
  void SetUp() override {
    AlonePairTest::SetUp();
    if (IsSkipped()) return;
    const auto missing = os::ring_verdict(os::RingNeed::files);
    if (!missing.empty()) GTEST_SKIP() << "no io_uring here: " << missing;
    Context context = make_context();
    auto pool = Pool::create({.block_bytes = slot_bytes, .most_blocks = 1});
    ASSERT_TRUE(pool);
    const auto registered = context.register_blocks(*pool);
    if (!registered) GTEST_SKIP() << "no registered memory here: " << registered.error().message();
  }

  void expect_moved(Case one) {
    const FittingPair& pair = GetParam();
    const std::uint64_t size = one.from_options.size;
    one.options.mechanism = pair.mechanism;
    one.options.tuning.block_bytes = slot_bytes;
    one.registered_block_bytes = slot_bytes;
    if (is_memory(pair.from)) one.registered_block_bytes = std::max<std::size_t>(slot_bytes, size);
    SCOPED_TRACE(std::to_string(size) + " bytes");
    const Outcome outcome = run_case(one);
    EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
    EXPECT_EQ(outcome.receipt.delivered, size) << describe(outcome.receipt);
    EXPECT_TRUE(is_undisturbed_ending(one, outcome.receipt.ending)) << describe(outcome.receipt);
    EXPECT_TRUE(outcome.receipt.refusals.empty()) << describe(outcome.receipt);
    EXPECT_TRUE(moved_by_alone(outcome.receipt, pair.mechanism)) << describe(outcome.receipt);
    // Several pieces go by sendmsg, which knows none; a sink gets directly what fills its blocks.
    if (size > 0 && (pair.from == EndKind::slice || pair.from == EndKind::file)) {
      EXPECT_GT(outcome.registered_operations, 0u);
    }
  }
};

TEST_P(Registered, every_size) {
  LEAT_SKIP_IF_OVER_BOUND(std::ranges::max(sizes));
  for (const std::uint64_t size : sizes)
    for (const Driver driver : {Driver::steps, Driver::call}) {
      Case window = ragged_case(GetParam().from, GetParam().to, size);
      window.driver = driver;
      expect_moved(window);
      Case whole = whole_case(GetParam().from, GetParam().to, size);
      whole.driver = driver;
      expect_moved(whole);
    }
}

TEST_P(Registered, a_large_one) {
  LEAT_SKIP_IF_OVER_BOUND(large_size);
  expect_moved(ragged_case(GetParam().from, GetParam().to, large_size));
  expect_moved(whole_case(GetParam().from, GetParam().to, large_size));
}

TEST_P(Registered, in_small_and_odd_steps) {
  LEAT_SKIP_IF_OVER_BOUND(65537u);
  Case one = ragged_case(GetParam().from, GetParam().to, 65537);
  for (const std::uint64_t limit : {1021, 4096, 65536}) {
    one.limit = limit;
    expect_moved(one);
  }
}

INSTANTIATE_TEST_SUITE_P(every_pair_on_the_ring, Registered,
                         ::testing::ValuesIn(pairs_on_the_ring()),
                         [](const auto& each) { return name_of(each.param); });

}  // namespace
}  // namespace leat::testing
