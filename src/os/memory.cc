#include "os/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "os/error.h"

namespace leat::os {

std::size_t page_bytes() noexcept {
  static const std::size_t bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

Result<std::span<std::byte>> map_pages(std::size_t size) {
  const std::size_t page = page_bytes();
  const std::size_t whole = (std::max<std::size_t>(size, 1) + page - 1) / page * page;
  if (whole < size) return make_error(ENOMEM, "mmap");
  void* const start =
      ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return last_error("mmap");
  return std::span(static_cast<std::byte*>(start), whole);
}

Result<std::span<std::byte>> map_huge_pages(std::size_t size) {
  const std::size_t whole =
      (std::max<std::size_t>(size, 1) + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
  if (whole < size || whole + huge_page_bytes < whole) return make_error(ENOMEM, "mmap");
  const auto mapped = map_pages(whole + huge_page_bytes);
  if (!mapped) return mapped;
  // Kernels before 6.7 align no mapping to huge pages: one more is mapped, and the rest cut off.
  const std::size_t before =
      (huge_page_bytes - reinterpret_cast<std::uintptr_t>(mapped->data()) % huge_page_bytes) %
      huge_page_bytes;
  const auto pages = mapped->subspan(before, whole);
  if (before > 0) unmap_pages(mapped->first(before));
  unmap_pages(mapped->subspan(before + whole));
  ::madvise(pages.data(), pages.size(), MADV_HUGEPAGE);  // a wish: EINVAL where there are none
  return pages;
}

void unmap_pages(std::span<std::byte> pages) noexcept { ::munmap(pages.data(), pages.size()); }

}  // namespace leat::os
