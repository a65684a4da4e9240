// Goal: copy_file_range keeps what its header promises. Method: real files, and the seam for EINTR.

#include "os/copy_file_range.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>

#include <gtest/gtest.h>

#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

class OsCopyFileRange : public GuardedTest {
 protected:
  OwnedFd from_ = pattern_file(1, 10'000);
  OwnedFd to_ = file_with({});
};

TEST_F(OsCopyFileRange, advances_the_offsets_it_is_given_and_no_others) {
  std::uint64_t from = 9000;
  std::uint64_t to = 17;
  EXPECT_EQ(os::copy_file_range(from_, &from, to_, &to, 300), 300u);
  EXPECT_EQ(from, 9300u);
  EXPECT_EQ(to, 317u);
  EXPECT_EQ(cursor_of(from_), 0);
  EXPECT_EQ(cursor_of(to_), 0);
  EXPECT_EQ(text_of(to_).substr(17), text_of(from_).substr(9000, 300));
}

TEST_F(OsCopyFileRange, without_offsets_moves_the_descriptors_own) {
  EXPECT_EQ(os::copy_file_range(from_, nullptr, to_, nullptr, 300), 300u);
  EXPECT_EQ(cursor_of(from_), 300);
  EXPECT_EQ(cursor_of(to_), 300);
}

TEST_F(OsCopyFileRange, zero_is_the_end_of_the_source) {
  std::uint64_t from = 10'000;
  std::uint64_t to = 0;
  EXPECT_EQ(os::copy_file_range(from_, &from, to_, &to, 1), 0u);
}

TEST_F(OsCopyFileRange, is_repeated_when_interrupted) {
  const ScopedFaults faults({{.call = "copy_file_range", .times = 2, .error_number = EINTR}});
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  EXPECT_EQ(os::copy_file_range(from_, &from, to_, &to, 100), 100u);
  EXPECT_EQ(faults.seen("copy_file_range"), 3u);
}

TEST_F(OsCopyFileRange, a_failing_call_leaves_the_offsets) {
  ASSERT_EQ(::fcntl(to_.number(), F_SETFL, O_APPEND), 0);
  std::uint64_t from = 5;
  std::uint64_t to = 6;
  const auto copied = os::copy_file_range(from_, &from, to_, &to, 100);
  ASSERT_FALSE(copied);
  EXPECT_TRUE(copied.error().is(EBADF));
  EXPECT_EQ(from, 5u);
  EXPECT_EQ(to, 6u);
}

// The kernel calls a length beyond SSIZE_MAX invalid.
TEST_F(OsCopyFileRange, takes_any_limit) {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  EXPECT_EQ(os::copy_file_range(from_, &from, to_, &to, UINT64_MAX), 10'000u);
}

}  // namespace
}  // namespace leat::testing
