#include "os/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

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

void unmap_pages(std::span<std::byte> pages) noexcept { ::munmap(pages.data(), pages.size()); }

}  // namespace leat::os
