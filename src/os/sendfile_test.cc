// Goal: sendfile keeps what its header promises. Method: real descriptors, and the seam for EINTR.

#include "os/sendfile.h"

#include <cstdint>

#include <gtest/gtest.h>

#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class OsSendfile : public GuardedTest {
 protected:
  OwnedFd file_ = pattern_file(1, 10'000);
  Pair tcp_ = make_tcp_pair();
};

TEST_F(OsSendfile, advances_the_offset_it_is_given_and_no_other) {
  std::uint64_t offset = 9000;
  EXPECT_EQ(os::sendfile(tcp_.to, file_, &offset, 300), 300u);
  EXPECT_EQ(offset, 9300u);
  EXPECT_EQ(cursor_of(file_), 0);
}

TEST_F(OsSendfile, without_an_offset_moves_the_descriptors_own) {
  EXPECT_EQ(os::sendfile(tcp_.to, file_, nullptr, 300), 300u);
  EXPECT_EQ(cursor_of(file_), 300);
}

TEST_F(OsSendfile, zero_is_the_end_of_the_file) {
  std::uint64_t offset = 10'000;
  EXPECT_EQ(os::sendfile(tcp_.to, file_, &offset, 1), 0u);
  offset = 1ull << 40;
  EXPECT_EQ(os::sendfile(tcp_.to, file_, &offset, 1), 0u);
}

TEST_F(OsSendfile, is_repeated_when_interrupted) {
  const ScopedFaults faults({{.call = "sendfile", .times = 2, .error_number = EINTR}});
  std::uint64_t offset = 0;
  EXPECT_EQ(os::sendfile(tcp_.to, file_, &offset, 100), 100u);
  EXPECT_EQ(faults.seen("sendfile"), 3u);
}

TEST_F(OsSendfile, a_failing_call_leaves_the_offset) {
  const ScopedFaults faults({{.call = "sendfile", .error_number = EIO}});
  std::uint64_t offset = 77;
  const auto sent = os::sendfile(tcp_.to, file_, &offset, 100);
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error().is(EIO));
  EXPECT_EQ(sent.error().operation, "sendfile");
  EXPECT_EQ(offset, 77u);
}

TEST_F(OsSendfile, says_eagain_when_the_socket_is_full) {
  const OwnedFd large = pattern_file(1, 8 << 20);
  std::uint64_t offset = 0;
  auto sent = os::sendfile(tcp_.to, large, &offset, 8 << 20);
  while (sent && *sent > 0) sent = os::sendfile(tcp_.to, large, &offset, 8 << 20);
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error().is(EAGAIN));
  EXPECT_LT(offset, 8u << 20);
}

// The kernel calls a length beyond SSIZE_MAX invalid.
TEST_F(OsSendfile, takes_any_limit) {
  std::uint64_t offset = 0;
  EXPECT_EQ(os::sendfile(tcp_.to, file_, &offset, UINT64_MAX), 10'000u);
}

TEST_F(OsSendfile, offsets_have_64_bits) {
  constexpr std::uint64_t far = 5ull << 30;
  const Extent extent{far, 100};
  const OwnedFd sparse = sparse_file(2, far + 100, {&extent, 1});
  std::uint64_t offset = far + 40;
  EXPECT_EQ(os::sendfile(tcp_.to, sparse, &offset, 1000), 60u);
  EXPECT_EQ(offset, far + 100);
}

}  // namespace
}  // namespace leat::testing
