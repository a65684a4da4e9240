// Goal: a receipt says of lent memory what the kernel did with it: no copy
// where a card reads it by itself, a copy of every byte on loopback and veth.
// Method: one owned slice over a Connection by each mechanism that lends, on
// each way; the receipt is settled, the receiver checks the bytes.

#include <sys/utsname.h>

#include <chrono>
#include <cstdio>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

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

bool kernel_is_at_least(int major, int minor) {
  utsname name{};
  ::uname(&name);
  int is_major = 0;
  int is_minor = 0;
  if (std::sscanf(name.release, "%d.%d", &is_major, &is_minor) != 2) return false;
  return std::pair(is_major, is_minor) >= std::pair(major, minor);
}

/// io_uring reports it where it knows IORING_SEND_ZC_REPORT_USAGE: since Linux 6.2, and some older
/// kernels that it was brought to.
bool must_be_told(std::string_view mechanism) {
  return mechanism != "uring_send_zc" || kernel_is_at_least(6, 2);
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
  if (must_be_told(name) || leg.known_by != KnownBy::unknown) {
    EXPECT_EQ(leg.known_by, KnownBy::kernel);
    EXPECT_EQ(leg.cpu_copied_bytes, road.copies ? size : 0u);
  }
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), size);
}

/// Those of this build. A list that becomes empty is an error of GoogleTest's.
std::vector<std::string_view> lending_mechanisms() {
  std::vector<std::string_view> found;
  for (const std::string_view name : {"zerocopy_send", "uring_send_zc"})
    if (Mechanism::named(name)) found.push_back(name);
  return found;
}

INSTANTIATE_TEST_SUITE_P(over, LentMemory,
                         ::testing::Combine(::testing::ValuesIn(roads),
                                            ::testing::ValuesIn(lending_mechanisms())),
                         [](const auto& each) {
                           return std::string(std::get<0>(each.param).name) + "_by_" +
                                  std::string(std::get<1>(each.param));
                         });

}  // namespace
}  // namespace leat::testing
