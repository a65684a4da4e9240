// Memory that the kernel may still use, when nobody can wait for it any longer.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace leat::os {

/// One owner that never lets go: the memory is never freed. Allocates nothing itself.
inline void keep_for_good(std::shared_ptr<const void> owner) noexcept {
  using Owner = std::shared_ptr<const void>;
  alignas(Owner) std::byte never_destroyed[sizeof(Owner)];
  new (never_destroyed) Owner(std::move(owner));
}

}  // namespace leat::os
