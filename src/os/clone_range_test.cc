// Goal: clone_range keeps what its header promises. Method: btrfs on a loop device, the file system
// of /tmp, and the seam.

#include "os/clone_range.h"

#include <sys/mman.h>

#include <cstdint>

#include <gtest/gtest.h>

#include "support/files.h"
#include "support/guards.h"
#include "support/loop_disk.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

class OsCloneRange : public GuardedTest {};

TEST_F(OsCloneRange, nothing_is_nothing) {
  const ScopedFaults faults;
  EXPECT_TRUE(os::clone_range(FdRef(), 0, 0, FdRef(), 0));
  EXPECT_EQ(faults.seen("ioctl"), 0u) << "to the kernel it would be everything";
}

TEST_F(OsCloneRange, a_file_system_without_it_says_so) {
  const OwnedFd from(::memfd_create("leat-test", MFD_CLOEXEC));
  const OwnedFd to(::memfd_create("leat-test", MFD_CLOEXEC));
  const auto cloned = os::clone_range(from, 0, 4096, to, 0);
  ASSERT_FALSE(cloned);
  EXPECT_TRUE(cloned.error().is(EOPNOTSUPP)) << cloned.error().message();
  EXPECT_FALSE(os::clone_range(FdRef(), 0, 1, FdRef(), 0));
}

TEST_F(OsCloneRange, shares_what_it_is_told_to_and_moves_no_offset) {
  if (const std::string why = LoopDisk::unavailable("btrfs"); !why.empty()) GTEST_SKIP() << why;
  const LoopDisk disk("btrfs");
  const OwnedFd from = disk.create("from");
  const OwnedFd to = disk.create("to");
  const auto content = pattern(1, 0, 20'000);
  ASSERT_EQ(::pwrite(from.number(), content.data(), content.size(), 0), 20'000);
  const ScopedFaults faults({{.call = "ioctl", .error_number = EINTR}});
  ASSERT_TRUE(os::clone_range(from, 4096, 8192, to, 12'288));
  EXPECT_EQ(faults.seen("ioctl"), 2u) << "repeated when interrupted";
  EXPECT_EQ(size_of(to), 20'480u);
  EXPECT_EQ(text_of(to).substr(12'288), text_of(from).substr(4096, 8192));
  EXPECT_EQ(cursor_of(from), 0);
  EXPECT_EQ(cursor_of(to), 0);
  EXPECT_FALSE(os::clone_range(from, 1, 4096, to, 0));
  EXPECT_FALSE(os::clone_range(from, 0, 40'960, to, 0)) << "all or nothing";
}

}  // namespace
}  // namespace leat::testing
