#include "support/loop_disk.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "support/mounts.h"

namespace leat::testing {
namespace {

[[noreturn]] void give_up(const std::string& what) {
  std::perror(what.c_str());
  std::abort();
}

bool kernel_knows(const std::string& type) {
  std::ifstream file("/proc/filesystems");
  const std::string known{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return known.contains("\t" + type + "\n");
}

}  // namespace

int run_quietly(const std::string& command) {
  return std::system(("{ " + command + "; } >/dev/null 2>&1 </dev/null").c_str());
}

std::string LoopDisk::unavailable(const std::string& type) {
  if (::geteuid() != 0) return "needs root, to mount " + type + " on a loop device";
  if (::access("/dev/loop-control", R_OK | W_OK) != 0) return "this host has no loop devices";
  if (!root_is_a_mount()) return "the root of this chroot is no mount point";
  if (!kernel_knows(type)) return "this kernel has no " + type;
  if (run_quietly("command -v mkfs." + type) != 0) return "mkfs." + type + " is not installed";
  return {};
}

LoopDisk::LoopDisk(const std::string& type, const std::string& mkfs, std::uint64_t size) {
  leave_the_common_mounts();
  const std::string image = folder_.path() + ".image";
  const OwnedFd file(::open(image.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.valid() || ::ftruncate(file.number(), static_cast<off_t>(size)) != 0) give_up(image);
  const bool made = run_quietly("mkfs." + type + " " + mkfs + " " + image) == 0 &&
                    run_quietly("mount -o loop " + image + " " + folder_.path()) == 0;
  ::unlink(image.c_str());
  if (!made) give_up("mkfs or mount of " + type);
}

LoopDisk::~LoopDisk() {
  if (run_quietly("umount " + folder_.path()) != 0) run_quietly("umount -l " + folder_.path());
}

OwnedFd LoopDisk::create(const std::string& name) const {
  OwnedFd file(::open(path(name).c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid()) give_up(path(name));
  return file;
}

ExtentSummary extents_of(FdRef file, std::uint64_t offset, std::uint64_t length) {
  constexpr std::uint32_t most = 64;
  std::vector<std::uint64_t> room((sizeof(fiemap) + most * sizeof(fiemap_extent)) / 8 + 1);
  auto* const map = reinterpret_cast<fiemap*>(room.data());
  ExtentSummary summary;
  const std::uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
  while (offset < end) {
    *map = {};
    map->fm_start = offset;
    map->fm_length = end - offset;
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = most;
    if (::ioctl(file.number(), FS_IOC_FIEMAP, map) < 0) give_up("FS_IOC_FIEMAP");
    if (map->fm_mapped_extents == 0) break;
    for (std::uint32_t i = 0; i < map->fm_mapped_extents; ++i) {
      const fiemap_extent& extent = map->fm_extents[i];
      ++summary.extents;
      summary.shared += (extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0;
      summary.mapped_bytes += extent.fe_length;
      offset = extent.fe_logical + extent.fe_length;
      if ((extent.fe_flags & FIEMAP_EXTENT_LAST) != 0) return summary;
    }
  }
  return summary;
}

}  // namespace leat::testing
