// Goal: both sides read the same pages, which nobody can change; what a peer sends is checked
// before it is used, and a peer that dies takes nothing with it (pitfall 39). Method: forked peers,
// and peers that lie.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>

#include <leat/region.h>

#include "os/passing.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 5;
constexpr std::size_t size = 3 * 4096 + 5;

class RegionTest : public GuardedTest {
 protected:
  Pair pair_ = make_unix_pair();

  Region make() {
    auto builder = RegionBuilder::with_size(size);
    EXPECT_TRUE(builder) << builder.error().message();
    std::ranges::copy(pattern(seed, 0, size), builder->bytes().begin());
    auto region = std::move(*builder).seal();
    EXPECT_TRUE(region) << region.error().message();
    return std::move(*region);
  }
  static bool holds_pattern(const Slice& slice, std::uint64_t from) {
    return std::ranges::equal(slice.bytes(), pattern(seed, from, slice.size()));
  }
  /// Why what comes next is refused.
  std::string refusal() {
    const auto got = receive_region(pair_.from);
    if (got) return "it was taken";
    EXPECT_EQ(got.error().code, Errc::wrong_layout);
    return got.error().hint;
  }
};

TEST_F(RegionTest, is_sealed_and_read_by_both_sides) {
  {
    const Region region = make();
    EXPECT_TRUE(holds_pattern(region.bytes, 0));
    EXPECT_LT(::ftruncate(region.fd->number(), 1), 0);
    EXPECT_EQ(::mmap(nullptr, size, PROT_WRITE, MAP_SHARED, region.fd->number(), 0), MAP_FAILED);
    ASSERT_TRUE(send_region(pair_.to, region));
    ASSERT_TRUE(send_region(pair_.to, region, 4097, 100));
  }
  const auto whole = receive_region(pair_.from);
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((*whole)->bytes.size(), size);
  EXPECT_TRUE(holds_pattern((*whole)->bytes, 0));
  const auto part = receive_region(pair_.from);
  ASSERT_TRUE(part && *part);
  EXPECT_EQ((*part)->bytes.size(), 100u);
  EXPECT_TRUE(holds_pattern((*part)->bytes, 4097));
  ASSERT_TRUE(send_region(pair_.to, **part, 10, 1000)) << "a part may be passed on";
  EXPECT_TRUE(holds_pattern((*receive_region(pair_.from))->bytes, 4107));
  EXPECT_TRUE(receive_region(pair_.from).error().is(EAGAIN));
  pair_.to.reset();
  const auto end = receive_region(pair_.from);
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST_F(RegionTest, outlives_the_process_that_made_it) {
  const pid_t child = ::fork();
  if (child == 0) {
    const Region region = make();
    ::_exit(send_region(pair_.to, region) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const auto region = receive_region(pair_.from);
  ASSERT_TRUE(region && *region);
  EXPECT_TRUE(holds_pattern((*region)->bytes, 0));
}

TEST_F(RegionTest, what_a_lying_peer_sends_is_refused_and_closed) {
  struct Part {
    std::uint64_t mark = 0x6c656174'72656731;
    std::uint64_t offset = 0;
    std::uint64_t length = 1;
  };
  const Region sealed = make();
  const OwnedFd unsealed(::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const auto send = [&](const Part& part, FdRef fd) {
    ASSERT_TRUE(os::send_with_descriptor(pair_.to, std::as_bytes(std::span(&part, 1)), fd));
  };
  send({}, unsealed);
  EXPECT_NE(refusal().find("written"), std::string::npos);
  ASSERT_EQ(::fcntl(unsealed.number(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  send({}, unsealed);
  EXPECT_NE(refusal().find("cut off"), std::string::npos);
  send({.offset = size, .length = 1}, *sealed.fd);
  EXPECT_NE(refusal().find("not in it"), std::string::npos);
  send({.offset = UINT64_MAX, .length = 2}, *sealed.fd);
  EXPECT_NE(refusal().find("not in it"), std::string::npos);
  send({.mark = 1}, *sealed.fd);
  EXPECT_NE(refusal().find("message"), std::string::npos);
  const Part alone;
  ASSERT_EQ(::write(pair_.to.number(), &alone, sizeof alone), static_cast<ssize_t>(sizeof alone));
  EXPECT_NE(refusal().find("no descriptor"), std::string::npos);
  ASSERT_EQ(::write(pair_.to.number(), &alone, 3), 3);
  EXPECT_NE(refusal().find("message"), std::string::npos);
}

TEST_F(RegionTest, none_of_no_bytes) {
  EXPECT_TRUE(RegionBuilder::with_size(0).error().is(EINVAL));
  EXPECT_TRUE(send_region(pair_.to, Region{}).error().is(EINVAL));
  pair_.from.reset();
  EXPECT_TRUE(send_region(pair_.to, make()).error().is(EPIPE));
}

}  // namespace
}  // namespace leat::testing
