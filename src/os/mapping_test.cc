// Goal: mappings keep what their header promises. Method: real files, and a pipe that takes what a
// fault leaves.

#include "os/mapping.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "os/stream.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class OsMapping : public GuardedTest {
 protected:
  OwnedFd file_ = pattern_file(1, 10'000);
};

TEST_F(OsMapping, is_the_file) {
  const auto mapping = os::map_file(file_, 4096, 5904);
  ASSERT_TRUE(mapping) << mapping.error().message();
  EXPECT_TRUE(os::expect_sequential(*mapping));
  EXPECT_TRUE(os::populate(*mapping));
  EXPECT_TRUE(std::ranges::equal(mapping->bytes(), pattern(1, 4096, 5904)));
}

TEST_F(OsMapping, ends_with_its_owner) {
  const ScopedFaults faults;
  {
    auto first = os::map_file(file_, 0, 100);
    ASSERT_TRUE(first);
    os::FileMapping moved = std::move(*first);
    EXPECT_TRUE(moved.valid());
    EXPECT_FALSE(first->valid());
    EXPECT_EQ(faults.seen("munmap"), 0u);
  }
  EXPECT_EQ(faults.seen("munmap"), 1u);
}

TEST_F(OsMapping, what_cannot_be_mapped_says_so) {
  const OwnedFd proc(::open("/proc/self/mounts", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(os::map_file(proc, 0, 10).error().is(ENODEV));
  EXPECT_TRUE(os::map_file(file_, 0, 0).error().is(EINVAL));
  EXPECT_TRUE(os::map_file(file_, 1, 10).error().is(EINVAL));
  EXPECT_TRUE(os::map_file(FdRef(), 0, 10).error().is(EBADF));
}

// What the kernel does, on which mmap_write is built.
TEST_F(OsMapping, behind_the_end_are_zeros_and_then_a_fault) {
  const auto mapping = os::map_file(file_, 0, 16'384);
  ASSERT_TRUE(mapping);
  const Pair pipe = make_pipe_pair();
  EXPECT_EQ(os::write(pipe.to, mapping->bytes().subspan(8192)), 4096u) << "up to the page's end";
  EXPECT_EQ(os::populate(*mapping).error().code.value(), EFAULT);
  const auto beyond = os::write(pipe.to, mapping->bytes().subspan(12'288));
  ASSERT_FALSE(beyond);
  EXPECT_TRUE(beyond.error().is(EFAULT));
  std::vector<std::byte> read(4096);
  ASSERT_EQ(os::read(pipe.from, read), 4096u);
  auto expected = pattern(1, 8192, 1808);
  expected.resize(4096);
  EXPECT_EQ(read, expected);
}

}  // namespace
}  // namespace leat::testing
