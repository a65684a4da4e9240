// Goal: what is said to be in memory is, to the byte, and whom the kernel does not tell is known.

#include "os/residency.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include <gtest/gtest.h>

#include "os/descriptor.h"
#include "os/mapping.h"
#include "os/memory.h"
#include "os/stream.h"
#include "support/files.h"
#include "support/filter.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t size = (3u << 20) + 100;

class ResidencyTest : public GuardedTest {
 protected:
  OwnedFd file_ = pattern_file(1, size);

  void evict() {
    ASSERT_EQ(::fsync(file_.number()), 0);
    ASSERT_EQ(::posix_fadvise(file_.number(), 0, 0, POSIX_FADV_DONTNEED), 0);
  }
};

TEST_F(ResidencyTest, all_of_what_was_just_written) {
  const auto mapping = os::map_file(file_, 0, size);
  ASSERT_TRUE(mapping);
  EXPECT_EQ(os::resident_bytes(mapping->bytes()).value_or(1), size);
  EXPECT_EQ(os::resident_bytes(mapping->bytes().subspan(4097, 10)).value_or(1), 10u);
  EXPECT_EQ(os::resident_bytes(mapping->bytes().first(0)).value_or(1), 0u);
}

TEST_F(ResidencyTest, up_to_the_first_page_that_is_missing) {
  evict();
  const auto mapping = os::map_file(file_, 0, size);
  ASSERT_TRUE(mapping);
  EXPECT_EQ(os::resident_bytes(mapping->bytes()).value_or(1), 0u);
  // Exactly these pages, on either side of the boundary of a call.
  ASSERT_EQ(::posix_fadvise(file_.number(), 0, 0, POSIX_FADV_RANDOM), 0);
  std::vector<std::byte> room((2u << 20) + 8192);
  ASSERT_TRUE(os::pread(file_, room, 0));
  EXPECT_EQ(os::resident_bytes(mapping->bytes()).value_or(1), room.size());
  EXPECT_EQ(os::resident_bytes(mapping->bytes().subspan(5000)).value_or(1), room.size() - 5000);
  EXPECT_EQ(os::resident_bytes(mapping->bytes().subspan(room.size())).value_or(1), 0u);
}

TEST_F(ResidencyTest, an_answer_that_is_not_given_is_an_error) {
  const auto mapping = os::map_file(file_, 0, size);
  ASSERT_TRUE(mapping);
  const ScopedFaults faults({{.call = "mincore", .error_number = EAGAIN}});
  const auto answer = os::resident_bytes(mapping->bytes());
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is(EAGAIN));
}

TEST_F(ResidencyTest, its_owner_is_told) {
  EXPECT_TRUE(os::tells_residency(file_, size).value_or(false));
  evict();
  EXPECT_TRUE(os::tells_residency(file_, size).value_or(false));
}

TEST_F(ResidencyTest, a_stranger_is_not_told) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have a file that is somebody else's";
  const OwnedFd readable(
      ::open(("/proc/self/fd/" + std::to_string(file_.number())).c_str(), O_RDONLY | O_CLOEXEC));
  on_own_thread([&] {
    ASSERT_EQ(::syscall(SYS_setresgid, 65533, 65533, 65533), 0);
    ASSERT_EQ(::syscall(SYS_setresuid, 65533, 65533, 65533), 0);
    EXPECT_FALSE(os::tells_residency(readable, size).value_or(true));
  });
}

TEST_F(ResidencyTest, file_systems_are_known_without_asking_them) {
  const auto told = os::file_system_without_waiting(file_);
  if (!told) GTEST_SKIP() << "no statmount(2) before Linux 6.8: " << told.error().message();
  const auto asked = os::file_system(file_);
  ASSERT_TRUE(asked);
  EXPECT_EQ(told->type, asked->type);
  EXPECT_EQ(told->size_trust, asked->size_trust);
  const auto stat = os::stat(file_);
  const auto known = os::stat_without_waiting(file_);
  ASSERT_TRUE(stat && known);
  EXPECT_EQ(known->size, stat->size);
  EXPECT_EQ(known->allocated, stat->allocated);
  EXPECT_EQ(known->device, stat->device);
  EXPECT_EQ(known->inode, stat->inode);
  EXPECT_EQ(known->mode, stat->mode);
  EXPECT_EQ(known->type, stat->type);
}

}  // namespace
}  // namespace leat::testing
