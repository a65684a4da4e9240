/// Goal: mounts are those that this process sees. Method: /proc is one of them on every host.
#include "os/mounts.h"

#include <set>

#include <gtest/gtest.h>

namespace leat::app::os {
namespace {

TEST(MountedKinds, AreThereOnceEach) {
  std::set<std::string> kinds;
  for (const Mount& mount : mounted_kinds()) {
    EXPECT_TRUE(kinds.insert(mount.kind).second) << mount.kind;
    EXPECT_TRUE(mount.folder.starts_with("/")) << mount.folder;
  }
  EXPECT_TRUE(kinds.contains("proc"));
}

TEST(Mounts, SayTheirDevice) {
  const auto all = mounts();
  ASSERT_TRUE(all) << all.error().message();
  ASSERT_FALSE(all->empty());
  for (const Mount& mount : *all) {
    EXPECT_NE(mount.device.find(':'), std::string::npos) << mount.folder;
    EXPECT_FALSE(mount.source.empty()) << mount.folder;
  }
}

TEST(Mounts, ThatWaitForOthersAreKnown) {
  for (const char* kind : {"nfs", "nfs4", "cifs", "fuse.sshfs", "fuse", "9p"}) {
    EXPECT_TRUE(may_wait(kind)) << kind;
  }
  for (const char* kind : {"ext4", "xfs", "btrfs", "tmpfs", "overlay", "fusectl"}) {
    EXPECT_FALSE(may_wait(kind)) << kind;
  }
}

}  // namespace
}  // namespace leat::app::os
