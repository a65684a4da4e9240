// Keepers whose end a test can see.
#pragma once

#include <memory>
#include <utility>

#include <leat/buffer.h>
#include <leat/keeper.h>

namespace leat::testing {

/// As long as there is a copy of it, `owner` is held.
inline Keeper keeper_of(std::shared_ptr<const void> owner, bool never_reused = false) {
  Keeper keeper = Slice::adopt({}, std::move(owner)).keeper();
  keeper.count()->never_reused = never_reused;
  return keeper;
}

/// Calls `release()` when its last copy goes.
template <class Release>
Keeper keeper_calling(Release release) {
  return Slice::adopt({}, std::move(release)).keeper();
}

}  // namespace leat::testing
