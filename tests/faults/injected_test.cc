// Goal: whatever call fails or falls short, first, second or last: `delivered` is exact, nothing is
// sent twice, nothing is lost, no descriptor leaks. Method: one run counts the calls, then each is
// disturbed through the seam, one run each; run_case checks both ends, what is stranded and the
// receipt's sums.

#include <algorithm>
#include <array>
#include <set>

#include <gtest/gtest.h>

#include "mechanism/mechanism.h"
#include "support/guards.h"
#include "support/run_case.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t size =
    65537;  // fits every buffer, so that the calls are the same each time
constexpr std::array errnos = {EINTR, EAGAIN,     EINVAL,  ENOSPC, EIO,
                               EPIPE, ECONNRESET, ENOBUFS, ENOMEM, EMFILE};
constexpr std::array capability_errnos = {EINVAL, ENOBUFS, ENOMEM, EMFILE};

bool is_capability(int error_number) {
  return std::ranges::find(capability_errnos, error_number) != capability_errnos.end();
}

// By recvmsg(2) only error queues are read.
bool moves_payload(std::string_view call) { return call != "recvmsg" && moves_bytes(call); }

using Calls = std::map<std::string, std::uint64_t, std::less<>>;

struct Disturbed {
  Outcome outcome;
  Calls calls;
  std::uint64_t fired = 0;
};

Disturbed run_disturbed(const Case& one, std::vector<FaultPlan> plans) {
  Disturbed result;
  result.outcome = run_case(one, [&](const std::function<void()>& body) {
    ScopedFaults faults(std::move(plans));
    body();
    result.calls = faults.all_seen();
    result.fired = faults.fired();
  });
  return result;
}

/// The first, second and last of `count` calls.
std::set<std::uint64_t> places(std::uint64_t count) {
  return {1, std::min<std::uint64_t>(2, count), count};
}

class Faults : public AlonePairTest {
 protected:
  static Case steps_of(const FittingPair& pair, Mechanism forced) {
    Case one = ragged_case(pair.from, pair.to, size);
    one.limit = 16 << 10;
    one.options.mechanism = forced;
    return one;
  }

  /// Every call of an undisturbed run of `one`. poll(2) is what the test's own loop uses.
  static Calls calls_of(const Case& one) {
    Disturbed plain = run_disturbed(one, {});
    EXPECT_EQ(plain.outcome.trouble, "") << describe(plain.outcome.receipt);
    EXPECT_EQ(plain.outcome.receipt.delivered, size);
    if (one.driver == Driver::steps) plain.calls.erase("poll");
    return plain.calls;
  }

  static void inject(const Case& one, const std::string& call, std::uint64_t place,
                     int error_number, bool forced) {
    SCOPED_TRACE(call + " number " + std::to_string(place) + " answers " +
                 strerrorname_np(error_number));
    const Disturbed result =
        run_disturbed(one, {{.call = call, .first = place, .error_number = error_number}});
    const Receipt& receipt = result.outcome.receipt;
    EXPECT_EQ(result.outcome.trouble, "") << describe(receipt);
    EXPECT_TRUE(receipt.ok() || receipt.ending == Ending::failed) << describe(receipt);
    if (receipt.ok()) {
      EXPECT_EQ(receipt.delivered, size) << describe(receipt);
    }
    // Far ends run on threads of their own, so there may be fewer calls this time, but never none.
    if (place == 1 && moves_payload(call)) {
      EXPECT_GT(result.fired, 0u);
    }
    if (result.fired == 0 || !moves_payload(call)) return;
    if (waits_for_release(one, error_number) && receipt.ok() && receipt.refusals.empty()) return;
    const bool transient =
        error_number == EINTR || (error_number == EAGAIN && call != "copy_file_range");
    if (transient) {
      EXPECT_TRUE(receipt.ok()) << describe(receipt);
      EXPECT_EQ(refusals_with(receipt, error_number), 0u) << describe(receipt);
    } else {
      expect_policy(receipt, error_number, forced);
    }
  }

  // Lent memory that comes back makes room, if any is out: that depends on how fast the reader is.
  static bool waits_for_release(const Case& one, int error_number) {
    return error_number == ENOBUFS && one.options.mechanism &&
           MechanismAccess::entry(one.options.mechanism).lends;
  }

  static std::uint64_t refusals_with(const Receipt& receipt, int error_number) {
    std::uint64_t count = 0;
    for (const Refusal& refusal : receipt.refusals)
      if (refusal.error_number == error_number) count += refusal.count;
    return count;
  }

  /// What an errno that is not transient leads to, if it answers a call that moves bytes.
  static void expect_policy(const Receipt& receipt, int error_number, bool forced) {
    if (receipt.ending == Ending::failed) {
      EXPECT_TRUE(receipt.error->is(error_number)) << describe(receipt);
      const bool floor = receipt.error->mechanism.name() == "read_write";
      EXPECT_TRUE(forced || floor || !is_capability(error_number))
          << "another mechanism should have gone on; " << describe(receipt);
      return;
    }
    // It went on: then somebody declined, and the receipt says who, why and where.
    EXPECT_EQ(refusals_with(receipt, error_number), 1u) << describe(receipt);
    EXPECT_FALSE(forced) << describe(receipt);
    EXPECT_TRUE(error_number != ENOSPC && error_number != EPIPE && error_number != ECONNRESET)
        << describe(receipt);
  }
};

class ChosenFaults : public Faults {};

TEST_P(ChosenFaults, errors_by_steps) {
  const Case one = steps_of(GetParam(), {});
  for (const auto& [call, count] : calls_of(one))
    for (const std::uint64_t place : places(count))
      for (const int error_number : errnos) inject(one, call, place, error_number, false);
}

TEST_P(ChosenFaults, errors_by_one_call) {
  for (const Driver driver : {Driver::call, Driver::free_call}) {
    Case one = steps_of(GetParam(), {});
    one.driver = driver;
    for (const auto& [call, count] : calls_of(one))
      for (const std::uint64_t place : places(count))
        for (const int error_number : errnos) inject(one, call, place, error_number, false);
  }
}

INSTANTIATE_TEST_SUITE_P(every_pair, ChosenFaults, ::testing::ValuesIn(all_pairs()),
                         [](const auto& each) { return name_of(each.param); });

class ForcedFaults : public Faults {};

TEST_P(ForcedFaults, errors) {
  const Case one = steps_of(GetParam(), GetParam().mechanism);
  for (const auto& [call, count] : calls_of(one))
    for (const std::uint64_t place : places(count))
      for (const int error_number : errnos) inject(one, call, place, error_number, true);
}

TEST_P(ForcedFaults, short_counts) {
  for (const Driver driver : {Driver::steps, Driver::call}) {
    Case one = steps_of(GetParam(), GetParam().mechanism);
    one.driver = driver;
    for (const auto& [call, count] : calls_of(one)) {
      if (!moves_bytes(call)) continue;
      for (const std::uint64_t place : places(count))
        for (const std::size_t at_most : {1, 7, 4095})
          for (const std::uint64_t times : {std::uint64_t{1}, at_most == 1 ? 3 : always}) {
            SCOPED_TRACE(call + " number " + std::to_string(place) + " moves at most " +
                         std::to_string(at_most));
            const Disturbed result = run_disturbed(
                one, {{.call = call, .first = place, .times = times, .shorten_to = at_most}});
            const Receipt& receipt = result.outcome.receipt;
            EXPECT_EQ(result.outcome.trouble, "") << describe(receipt);
            EXPECT_TRUE(receipt.ok()) << describe(receipt);
            EXPECT_EQ(receipt.delivered, size) << describe(receipt);
            EXPECT_TRUE(moved_by_alone(receipt, GetParam().mechanism)) << describe(receipt);
          }
    }
  }
}

// Short counts all the way, and errors on top of them: residues of odd sizes at odd places.
TEST_P(ForcedFaults, short_counts_then_an_error) {
  for (const bool forced : {true, false}) {
    const Case one = steps_of(GetParam(), forced ? GetParam().mechanism : Mechanism());
    for (const auto& [call, count] : calls_of(one)) {
      if (!moves_bytes(call)) continue;
      for (const int error_number : {EAGAIN, EINVAL, EIO, EPIPE})
        for (const std::uint64_t place : {2, 3, 4, 7}) {
          SCOPED_TRACE(call + " number " + std::to_string(place) + " answers " +
                       strerrorname_np(error_number));
          const Disturbed result =
              run_disturbed(one, {{.times = always, .shorten_to = 5003},
                                  {.call = call, .first = place, .error_number = error_number}});
          EXPECT_EQ(result.outcome.trouble, "") << describe(result.outcome.receipt);
          // For copy_file_range it is no wait but a refusal: files are always ready.
          if (error_number == EAGAIN && call != "copy_file_range") {
            EXPECT_TRUE(result.outcome.receipt.ok()) << describe(result.outcome.receipt);
          }
        }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(every_fitting_pair, ForcedFaults, ::testing::ValuesIn(fitting_pairs()),
                         [](const auto& each) { return name_of(each.param); });

}  // namespace
}  // namespace leat::testing
