#include "support/mounts.h"

#include <sched.h>
#include <sys/mount.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace leat::testing {

void leave_the_common_mounts() {
  thread_local const bool left = [] {
    return ::unshare(CLONE_NEWNS) == 0 &&
           ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }();
  if (left) return;
  std::perror("unshare");
  std::abort();
}

bool root_is_a_mount() {
  std::ifstream mounts("/proc/self/mountinfo");
  std::string number;
  std::string parent;
  std::string device;
  std::string root;
  std::string place;
  for (std::string rest; mounts >> number >> parent >> device >> root >> place;) {
    if (place == "/") return true;
    std::getline(mounts, rest);
  }
  return false;
}

}  // namespace leat::testing
