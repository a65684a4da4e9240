// Memory that the kernel may still use, when nobody can wait for it any longer.
#pragma once

#include <leat/keeper.h>

namespace leat::os {

/// One that never lets go: the memory is never freed.
inline void keep_for_good(const Keeper& keeper) noexcept {
  if (keeper) keeper.count()->add();
}

}  // namespace leat::os
