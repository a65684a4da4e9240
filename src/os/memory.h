// Anonymous memory in whole pages: mmap(2), munmap(2).
#pragma once

#include <cstddef>
#include <span>

#include <leat/error.h>

namespace leat::os {

std::size_t page_bytes() noexcept;

/// At least `size` bytes, zeroed, a multiple of the page size, private to this process.
/// Errors: ENOMEM.
Result<std::span<std::byte>> map_pages(std::size_t size);
/// `pages` as map_pages returned them.
void unmap_pages(std::span<std::byte> pages) noexcept;

}  // namespace leat::os
