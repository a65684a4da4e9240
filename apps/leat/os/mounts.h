/// What is mounted, as /proc says; nothing of it is touched. See proc_pid_mountinfo(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <leat/error.h>

namespace leat::app::os {

/// A file system that is mounted somewhere.
struct Mount {
  std::string kind;    ///< "ext4", "tmpfs", "proc"
  std::string folder;  ///< where; a file if one was mounted over another
  std::string device;  ///< "254:0": the same for every place where this file system is mounted
  std::string source;  ///< "/dev/vda", "tmpfs"
  bool read_only = false;
  std::uint64_t id = 0;  ///< stx_mnt_id of what is on it; see STATX_MNT_ID in statx(2)
};

/// All, in the order of /proc/self/mountinfo. Errors: those of open(2) and read(2).
Result<std::vector<Mount>> mounts();

/// True of kinds that wait for another machine or for a process: nobody knows when they answer.
bool may_wait(std::string_view kind);

/// One for each kind, the first mentioned, writable ones before others, without those that may
/// wait.
std::vector<Mount> mounted_kinds();

}  // namespace leat::app::os
