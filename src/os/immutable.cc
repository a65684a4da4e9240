#include "os/immutable.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

namespace leat::os {

bool is_immutable(FdRef file) noexcept {
  const int seals = ::fcntl(file.number(), F_GET_SEALS);
  constexpr int needed = F_SEAL_WRITE | F_SEAL_SHRINK;
  if (seals >= 0 && (seals & needed) == needed) return true;
  struct statx answer;
  if (::statx(file.number(), "", AT_EMPTY_PATH, STATX_TYPE, &answer) < 0) return false;
  return (answer.stx_attributes & STATX_ATTR_VERITY) != 0;
}

}  // namespace leat::os
