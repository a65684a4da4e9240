#include "os/direct.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <bit>

#include "os/error.h"

namespace leat::os {
namespace {

// What blocks of memory are aligned to. A preferred size beyond the other bound (NFS) is no unit.
constexpr std::uint32_t page_bytes = 4096;
constexpr std::uint32_t largest_guess = 64 << 10;

// Linux 6.6 and later open a file in memory with O_DIRECT and pass everything through its pages.
bool lies_in_memory(FdRef file, bool regular) {
  if (!regular) return false;  // a device's node
  const auto system = file_system(file);
  return system && (system->type == TMPFS_MAGIC || system->type == RAMFS_MAGIC ||
                    system->type == HUGETLBFS_MAGIC);
}

}  // namespace

Result<DirectFacts> direct_facts(FdRef file) {
  struct statx raw{};
  if (::statx(file.number(), "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_DIOALIGN, &raw) < 0)
    return last_error("statx");
  DirectFacts facts{.told = (raw.stx_mask & STATX_DIOALIGN) != 0,
                    .device = makedev(raw.stx_dev_major, raw.stx_dev_minor),
                    .inode = raw.stx_ino};
  if (facts.told) {
    if (raw.stx_dio_offset_align != 0 && raw.stx_dio_mem_align <= page_bytes)
      facts.unit = std::max(raw.stx_dio_mem_align, raw.stx_dio_offset_align);
  } else if (!lies_in_memory(file, S_ISREG(raw.stx_mode))) {
    facts.unit = std::clamp(raw.stx_blksize, page_bytes, largest_guess);
  }
  if (!std::has_single_bit(facts.unit)) facts.unit = 0;
  return facts;
}

Result<OwnedFd> reopen_direct(FdRef fd, Access access) { return reopen(fd, access, O_DIRECT); }

}  // namespace leat::os
