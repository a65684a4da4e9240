// Goal: what direct I/O is aligned to is what the kernel says; a borrowed description stays as it
// is.

#include "os/direct.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>

#include <gtest/gtest.h>

#include "os/stream.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

class OsDirect : public GuardedTest {
 protected:
  OwnedFd file_ = pattern_file(3, 1 << 20);
};

TEST_F(OsDirect, tells_the_unit_and_the_file) {
  const auto facts = os::direct_facts(file_);
  ASSERT_TRUE(facts) << facts.error().message();
  struct stat stat{};
  ASSERT_EQ(::fstat(file_.number(), &stat), 0);
  EXPECT_EQ(facts->inode, stat.st_ino);
  EXPECT_EQ(facts->device, stat.st_dev);
  if (facts->unit == 0) GTEST_SKIP() << "the file system of /tmp has no direct I/O";
  EXPECT_TRUE(std::has_single_bit(facts->unit));
  const auto direct = os::reopen_direct(file_, os::Access::read);
  ASSERT_TRUE(direct) << direct.error().message();
  alignas(4096) static std::byte block[65536];
  EXPECT_EQ(os::pread(*direct, block, facts->unit), sizeof block);
  EXPECT_EQ(::fcntl(file_.number(), F_GETFL) & O_DIRECT, 0);
  EXPECT_NE(::fcntl(direct->number(), F_GETFL) & O_DIRECT, 0);
}

TEST_F(OsDirect, a_file_in_memory_has_none) {
  const OwnedFd memory(::memfd_create("leat-test", MFD_CLOEXEC));
  const auto facts = os::direct_facts(memory);
  ASSERT_TRUE(facts) << facts.error().message();
  EXPECT_EQ(facts->unit, 0u);
}

TEST_F(OsDirect, keeps_to_the_direction) {
  OwnedFd reader(::open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  const auto refused = os::reopen_direct(reader, os::Access::read);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(EBADF));
}

TEST_F(OsDirect, errors_are_told) {
  EXPECT_TRUE(os::direct_facts(FdRef(-1)).error().is(EBADF));
  EXPECT_TRUE(os::reopen_direct(FdRef(-1), os::Access::read).error().is(EBADF));
  const ScopedFaults faults(
      {{.call = "open", .error_number = EINVAL}, {.call = "statx", .error_number = EPERM}});
  EXPECT_TRUE(os::reopen_direct(file_, os::Access::read).error().is(EINVAL));
  EXPECT_TRUE(os::direct_facts(file_).error().is(EPERM));
}

}  // namespace
}  // namespace leat::testing
