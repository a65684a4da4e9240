// Anonymous memory in whole pages: mmap(2), munmap(2), madvise(2).
#pragma once

#include <cstddef>
#include <span>

#include <leat/error.h>

namespace leat::os {

std::size_t page_bytes() noexcept;
inline constexpr std::size_t huge_page_bytes = 2 << 20;

/// At least `size` bytes, zeroed, a multiple of the page size, private to this process.
/// Errors: ENOMEM.
Result<std::span<std::byte>> map_pages(std::size_t size);
/// The same, a multiple of huge_page_bytes and aligned to it, with the wish that huge pages back it
/// (MADV_HUGEPAGE): where the kernel has none to give, these are pages like all others.
/// Errors: ENOMEM.
Result<std::span<std::byte>> map_huge_pages(std::size_t size);
/// `pages` as map_pages or map_huge_pages returned them.
void unmap_pages(std::span<std::byte> pages) noexcept;

}  // namespace leat::os
