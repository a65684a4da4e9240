#include "os/residency.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "os/error.h"
#include "os/mapping.h"
#include "os/memory.h"

namespace leat::os {
namespace {

// Farther behind the end than the largest folio that holds it may reach.
constexpr std::uint64_t far_bytes = 64 << 20;

// Debian 12's headers are older than the call.
constexpr long cachestat_number = 451;
struct CachestatRange {
  std::uint64_t offset;
  std::uint64_t length;
};
struct Cachestat {
  std::uint64_t cached;
  std::uint64_t dirty;
  std::uint64_t under_writeback;
  std::uint64_t evicted;
  std::uint64_t recently_evicted;
};

}  // namespace

Result<std::uint64_t> cached_bytes(FdRef file, std::uint64_t offset, std::uint64_t length) {
  const CachestatRange range{offset, length};
  Cachestat answer{};
  const long result = retry_interrupted(
      [&] { return ::syscall(cachestat_number, file.number(), &range, &answer, 0u); });
  if (result < 0) return last_error("cachestat");
  return answer.cached * page_bytes();
}

Result<std::uint64_t> resident_bytes(std::span<const std::byte> bytes) {
  std::array<unsigned char, 512> pages;  // 2 MiB in one call, which costs 10 µs
  const std::uint64_t page = page_bytes();
  const std::uint64_t into_page = reinterpret_cast<std::uintptr_t>(bytes.data()) % page;
  const std::uint64_t whole = into_page + bytes.size();
  auto* const first = const_cast<std::byte*>(bytes.data()) - into_page;  // it writes nothing there
  std::uint64_t seen = 0;
  while (seen < whole) {
    const std::uint64_t length = std::min<std::uint64_t>(whole - seen, pages.size() * page);
    if (::mincore(first + seen, length, pages.data()) < 0) return last_error("mincore");
    const auto end = pages.begin() + static_cast<std::ptrdiff_t>((length + page - 1) / page);
    const auto missing =
        std::find_if(pages.begin(), end, [](unsigned char flags) { return (flags & 1u) == 0; });
    seen += static_cast<std::uint64_t>(missing - pages.begin()) * page;
    if (missing != end) break;
  }
  return std::clamp(seen, into_page, whole) - into_page;
}

Result<bool> tells_residency(FdRef file, std::uint64_t size) {
  const std::uint64_t page = page_bytes();
  const std::uint64_t behind = (size + page - 1) / page * page + far_bytes;
  const auto mapping = map_file(file, behind, page);
  if (!mapping) return std::unexpected(mapping.error());
  const auto resident = resident_bytes(mapping->bytes());
  if (!resident) return std::unexpected(resident.error());
  return *resident == 0;
}

}  // namespace leat::os
