// Goal: a file under fs-verity, which nobody can change any more, is shared by a snapshot. Method:
// ext4 with the feature, where the kernel has it.

#include <fcntl.h>
#include <linux/fsverity.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/loop_disk.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t size = 100'003;

Receipt snapshot_of(const std::string& path) {
  const Pair pair = make_unix_pair();
  Context context = make_context();
  auto source = Source::open(path);
  EXPECT_TRUE(source);
  Transfer transfer = Transfer::start(context, std::move(*source), Sink::socket(pair.to.ref()),
                                      {.consistency = Consistency::snapshot});
  drive(context, transfer);
  return transfer.receipt();
}

class VerityTest : public GuardedTest {};

TEST_F(VerityTest, is_shared_once_it_is_sealed) {
  if (const auto why = LoopDisk::unavailable("ext4"); !why.empty()) GTEST_SKIP() << why;
  if (::access("/sys/fs/ext4/features/verity", F_OK) != 0)
    GTEST_SKIP() << "this kernel has no fs-verity";
  const LoopDisk disk("ext4", "-b 4096 -O verity");
  {
    const OwnedFd file = disk.create("file");
    const auto bytes = pattern(7, 0, size);
    ASSERT_EQ(::write(file.number(), bytes.data(), size), static_cast<ssize_t>(size));
  }
  const std::string_view copied = snapshot_of(disk.path("file")).legs[0].mechanism.name();
  EXPECT_EQ(copied, "read_write") << "under a lease it is copied";

  const OwnedFd file(::open(disk.path("file").c_str(), O_RDONLY | O_CLOEXEC));
  fsverity_enable_arg enable{};
  enable.version = 1;
  enable.hash_algorithm = FS_VERITY_HASH_ALG_SHA256;
  enable.block_size = 4096;
  ASSERT_EQ(::ioctl(file.number(), FS_IOC_ENABLE_VERITY, &enable), 0);
  const Receipt receipt = snapshot_of(disk.path("file"));
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  const std::string_view by = receipt.legs[0].mechanism.name();
  EXPECT_TRUE(by == "splice" || by == "sendfile") << describe(receipt);
}

}  // namespace
}  // namespace leat::testing
