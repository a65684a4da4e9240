// Goal: the same result whoever owns the descriptors, whether they block, whoever drives; and
// borrowed ones come back as they went (the endpoints check flags, offsets and socket options
// themselves).

#include <gtest/gtest.h>

#include "support/bounds.h"
#include "support/guards.h"
#include "support/run_case.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t size = (1u << 20) + 5;

/// The modes that an end of this kind has: bit 0 owned, bit 1 blocking.
int modes_of(EndKind kind) {
  if (is_memory(kind) || kind == EndKind::connection) return 0;
  return is_stream(kind) ? 3 : 1;
}

class Modes : public GuardedTest, public ::testing::WithParamInterface<FittingPair> {};

TEST_P(Modes, owned_borrowed_blocking_nonblocking) {
  LEAT_SKIP_IF_OVER_BOUND(size);
  for (const Driver driver : {Driver::steps, Driver::call, Driver::free_call})
    for (int bits = 0; bits < 16; ++bits) {
      // Modes that an end does not have would only run the same case again.
      if ((bits & 3 & ~modes_of(GetParam().from)) != 0) continue;
      if ((bits >> 2 & ~modes_of(GetParam().to)) != 0) continue;
      Case one = whole_case(GetParam().from, GetParam().to, size);
      one.driver = driver;
      one.from_options.owned = (bits & 1) != 0;
      one.from_options.blocking = Blocking((bits & 2) != 0);
      one.to_options.owned = (bits & 4) != 0;
      one.to_options.blocking = Blocking((bits & 8) != 0);
      // An owned sink that carries a stream ends it: else closing it resets the connection.
      if (one.to_options.owned && is_socket(one.to)) one.options.at_end = AtEnd::close;
      SCOPED_TRACE("driver " + std::to_string(static_cast<int>(driver)) + ", bits " +
                   std::to_string(bits));
      const Outcome outcome = run_case(one);
      EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
      EXPECT_TRUE(outcome.receipt.ok()) << describe(outcome.receipt);
      EXPECT_EQ(outcome.receipt.delivered, one.from_options.size);
    }
}

INSTANTIATE_TEST_SUITE_P(every_pair, Modes, ::testing::ValuesIn(all_pairs()),
                         [](const auto& each) { return name_of(each.param); });

class ForcedModes : public AlonePairTest {};

// On a blocking socket sendfile and splice cannot be kept from waiting: there a step loop gets a
// refusal, never a wait; the blocking call may use them, since waiting is what was asked for.
TEST_P(ForcedModes, on_blocking_descriptors) {
  LEAT_SKIP_IF_OVER_BOUND(size);
  Case one = whole_case(GetParam().from, GetParam().to, size);
  one.options.mechanism = GetParam().mechanism;
  one.from_options.blocking = one.to_options.blocking = Blocking::yes;
  for (const Driver driver : {Driver::steps, Driver::call}) {
    one.driver = driver;
    const Outcome outcome = run_case(one);
    EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
    if (driver == Driver::call || outcome.receipt.ok()) {
      EXPECT_TRUE(outcome.receipt.ok()) << describe(outcome.receipt);
      EXPECT_TRUE(moved_by_alone(outcome.receipt, GetParam().mechanism));
    } else {
      EXPECT_TRUE(is_stream(one.from) || is_stream(one.to)) << describe(outcome.receipt);
      EXPECT_NE(GetParam().mechanism.name(), "read_write");
      EXPECT_EQ(outcome.receipt.delivered, 0u);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(every_fitting_pair, ForcedModes, ::testing::ValuesIn(fitting_pairs()),
                         [](const auto& each) { return name_of(each.param); });

}  // namespace
}  // namespace leat::testing
