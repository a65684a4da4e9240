// Goal: a receipt says of lent memory what the kernel did with it: no copy
// where a card reads it by itself, a copy of every byte on loopback and veth.
// Method: one owned slice over a Connection by each mechanism that lends, on
// each way; the receipt is settled, the receiver checks the bytes.

#include <algorithm>
#include <cstdio>
#include <optional>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/transfer.h>

#include "lab/road.h"
#include "support/bounds.h"
#include "support/drive.h"
#include "support/guards.h"

namespace leat::testing {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::uint64_t seed = 43;
constexpr std::uint64_t size = (4u << 20) + 4097;

Slice pattern_slice() {
  Buffer buffer = std::move(*Buffer::pages(size));
  fill_pattern(seed, 0, buffer.bytes());
  return std::move(buffer).freeze();
}

using Lending = std::tuple<Road, std::string_view>;

class LentMemory : public GuardedTest, public ::testing::WithParamInterface<Lending> {};

TEST_P(LentMemory, is_copied_where_the_kernel_says_so) {
  const auto& [road, name] = GetParam();
  const auto mechanism = Mechanism::named(name);
  ASSERT_TRUE(mechanism);
  Pair pair = connect_over(road);
  ASSERT_FALSE(HasFailure());
  Drainer drainer(std::move(pair.from), {.seed = seed});
  Receipt receipt;
  {
    Context context = make_context();
    auto connection = Connection::adopt(context, std::move(pair.to));
    ASSERT_TRUE(connection) << connection.error().message();
    receipt = transfer(context, pattern_slice(), *connection, {.mechanism = *mechanism});
    const auto deadline = steady_clock::now() + seconds(10) * time_factor();
    EXPECT_TRUE(connection->settle(receipt, deadline)) << "the kernel does not let go";
    EXPECT_EQ(context.counters().lent_bytes, 0u);
  }
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_TRUE(moved_by_alone(receipt, *mechanism)) << describe(receipt);
  ASSERT_EQ(receipt.legs.size(), 1u) << describe(receipt);
  const Leg& leg = receipt.legs[0];
  std::printf("over %s: %s %ju bytes in %ju calls, known by %s, %ju copied\n", road.name,
              name.data(), leg.bytes, leg.calls, name_of(leg.known_by).data(),
              leg.cpu_copied_bytes);
  EXPECT_EQ(leg.known_by, KnownBy::kernel);
  EXPECT_EQ(leg.cpu_copied_bytes, road.copies ? size : 0u);
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), size);
}

constexpr std::string_view lending_mechanisms[] = {"zerocopy_send"};

INSTANTIATE_TEST_SUITE_P(over, LentMemory,
                         ::testing::Combine(::testing::ValuesIn(roads),
                                            ::testing::ValuesIn(lending_mechanisms)),
                         [](const auto& each) {
                           return std::string(std::get<0>(each.param).name) + "_by_" +
                                  std::string(std::get<1>(each.param));
                         });

}  // namespace
}  // namespace leat::testing
