// Memory for blocks: huge pages, on a node, locked, not for children.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <leat/error.h>

namespace leat::os {

enum class PageKind : std::uint8_t { small, transparent_huge, huge };

struct MemoryWishes {
  PageKind kind = PageKind::small;  ///< the best that is tried
  std::optional<unsigned> node{};
  bool locked = false;
  bool not_in_children = false;
};

struct MappedMemory {
  std::span<std::byte> bytes;
  PageKind kind;
};

/// At least `size` bytes, zeroed, in whole pages of their kind; given back by unmap_pages(). Pages
/// of the next smaller kind are taken where there are none. Errors: ENOMEM; EINVAL (mbind(2): no
/// such node); EPERM, ENOMEM, EAGAIN (mlock(2): RLIMIT_MEMLOCK).
Result<MappedMemory> map_memory(std::size_t size, const MemoryWishes& wishes);

/// Has the pages that `bytes` are given from now on lie on `node`, while it has some. See mbind(2)
/// MPOL_PREFERRED. Errors: EINVAL (no such node).
Result<void> put_on_node(std::span<std::byte> bytes, unsigned node);

}  // namespace leat::os
