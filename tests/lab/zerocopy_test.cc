// Goal: what is lent to the kernel is copied on loopback and veth and not copied where a card reads
// it by itself, and it is the kernel that says so. Method: MSG_ZEROCOPY by hand over each way, and
// every completion read from the error queue; the receiver checks the bytes.

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
// Behind time.h: it uses timespec and does not declare it.
// clang-format off
#include <linux/errqueue.h>
// clang-format on

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include <gtest/gtest.h>

#include "lab/road.h"
#include "support/guards.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 41;
constexpr std::uint64_t size = (1u << 20) + 4097;
constexpr std::size_t part_bytes = 64 << 10;

/// How many sends the kernel has done with, and in how many of them it copied.
struct Verdicts {
  std::uint32_t released = 0;
  std::uint32_t copied = 0;
};

/// The completion that is next in the error queue, or nothing if there is none.
std::optional<sock_extended_err> next_completion(FdRef socket) {
  alignas(cmsghdr) std::array<char, 256> control{};
  msghdr message{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(socket.number(), &message, MSG_ERRQUEUE) < 0) return std::nullopt;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part))
    if (part->cmsg_level == SOL_IP && part->cmsg_type == IP_RECVERR) {
      sock_extended_err said;
      std::memcpy(&said, CMSG_DATA(part), sizeof said);
      return said;
    }
  return std::nullopt;
}

/// Waits until `sent` sends are released.
Verdicts verdicts_on(FdRef socket, std::uint32_t sent) {
  Verdicts verdicts;
  while (verdicts.released < sent) {
    wait_for(socket, 0);  // an error cannot be masked
    while (const auto said = next_completion(socket)) {
      EXPECT_EQ(said->ee_errno, 0u);
      EXPECT_EQ(said->ee_origin, SO_EE_ORIGIN_ZEROCOPY);
      const std::uint32_t count = said->ee_data - said->ee_info + 1;
      verdicts.released += count;
      if ((said->ee_code & SO_EE_CODE_ZEROCOPY_COPIED) != 0) verdicts.copied += count;
    }
  }
  return verdicts;
}

class Zerocopy : public GuardedTest, public ::testing::WithParamInterface<Road> {
 protected:
  /// Connected, with a receiver that checks the bytes.
  void SetUp() override {
    Pair pair = connect_over(GetParam());
    ASSERT_FALSE(HasFailure());
    to_ = std::move(pair.to);
    drainer_.emplace(std::move(pair.from), DrainOptions{.seed = seed});
  }
  void expect_received(std::uint64_t count) {
    to_.reset();
    EXPECT_EQ(drainer_->finish().check.mismatch(), "");
    EXPECT_EQ(drainer_->finish().check.count(), count);
  }

  OwnedFd to_;
  std::optional<Drainer> drainer_;
};

TEST_P(Zerocopy, the_kernel_says_whether_it_copied) {
  const int on = 1;
  ASSERT_EQ(::setsockopt(to_.number(), SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on), 0);
  const std::vector<std::byte> bytes = pattern(seed, 0, size);
  std::span<const std::byte> left = bytes;
  std::uint32_t sends = 0;
  while (!left.empty()) {
    const ssize_t count = ::send(to_.number(), left.data(), std::min(left.size(), part_bytes),
                                 MSG_ZEROCOPY | MSG_NOSIGNAL);
    ASSERT_GT(count, 0) << std::strerror(errno);
    left = left.subspan(static_cast<std::size_t>(count));
    ++sends;
  }
  const Verdicts verdicts = verdicts_on(to_, sends);
  EXPECT_EQ(verdicts.released, sends);
  EXPECT_EQ(verdicts.copied, GetParam().copies ? sends : 0u);
  RecordProperty("sends", static_cast<int>(sends));
  RecordProperty("copied", static_cast<int>(verdicts.copied));
  expect_received(size);
}

INSTANTIATE_TEST_SUITE_P(over, Zerocopy, ::testing::ValuesIn(roads),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace leat::testing
