// Goal: clone_range keeps what its header promises. Method: btrfs on a loop device, the file system
// of /tmp, and the seam.

#include "os/clone_range.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

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

// Goal: what a clone holds is one moment of the source. Method: another thread stores a counter in
// the first page and then in the last, over and over; no moment has the last ahead of the first.
class CloneFile : public GuardedTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (const std::string why = LoopDisk::unavailable(GetParam()); !why.empty())
      GTEST_SKIP() << why;
    disk_.emplace(GetParam());
    from_ = disk_->create("from");
    const auto content = pattern(1, 0, size);
    ASSERT_EQ(::pwrite(from_.number(), content.data(), size, 0), static_cast<ssize_t>(size));
    store(1, 1);
  }
  void store(std::uint64_t first, std::uint64_t last) {
    EXPECT_EQ(::pwrite(from_.number(), &first, sizeof first, 0), 8);
    EXPECT_EQ(::pwrite(from_.number(), &last, sizeof last, size - 8), 8);
  }
  /// Until `done`, by write(2) or by stores.
  void keep_storing(bool by_mapping, const std::atomic<bool>& done) {
    void* const mapped =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, from_.number(), 0);
    ASSERT_NE(mapped, MAP_FAILED);
    auto* const words = static_cast<std::uint64_t*>(mapped);
    for (std::uint64_t count = words[0] + 1; !done; ++count) {
      if (!by_mapping) {
        store(count, count);
        continue;
      }
      std::atomic_ref(words[0]).store(count);
      std::atomic_ref(words[size / 8 - 1]).store(count);
    }
    ::munmap(mapped, size);
  }
  static bool is_torn(FdRef file) {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    EXPECT_EQ(::pread(file.number(), &first, sizeof first, 0), 8);
    EXPECT_EQ(::pread(file.number(), &last, sizeof last, size - 8), 8);
    return first != last && first != last + 1;
  }

  static constexpr std::uint64_t size = 1 << 20;
  std::optional<LoopDisk> disk_;
  OwnedFd from_;
};

TEST_P(CloneFile, is_of_one_moment) {
  for (const bool by_mapping : {false, true}) {
    std::atomic<bool> done = false;
    std::jthread writer([&] { keep_storing(by_mapping, done); });
    while (!is_torn(from_)) {  // reading it as it is: the writer is at work, and this can fail
    }
    for (int count = 0; count < 60; ++count) {
      const OwnedFd to = disk_->create("to" + std::to_string(by_mapping) + std::to_string(count));
      ASSERT_TRUE(os::clone_file(from_, to));
      ASSERT_FALSE(is_torn(to)) << (by_mapping ? "stores, " : "write(2), ") << count;
    }
    done = true;
  }
}

INSTANTIATE_TEST_SUITE_P(on, CloneFile, ::testing::Values("btrfs", "xfs"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace leat::testing
