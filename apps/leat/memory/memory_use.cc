#include "memory/memory_use.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "memory/sum_every.h"
#include "os/family_memory.h"
#include "os/host.h"
#include "sizes.h"

namespace leat::app::memory {
namespace {

/// Kept free beside what is measured.
constexpr std::uint64_t spare_bytes = 64ull << 20;

/// What the rest of the program gave back meanwhile is nothing that was added.
std::uint64_t grown(std::uint64_t before, std::uint64_t now) {
  return now > before ? now - before : 0;
}

}  // namespace

const UseRow* UseGroup::find(std::string_view name) const {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const UseRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

double UseGroup::copies(std::uint64_t bytes) const {
  return static_cast<double>(bytes) / static_cast<double>(size);
}

Expected<Buffer> written_pages(std::uint64_t size) {
  auto buffer = Buffer::pages(size);
  if (!buffer) return std::unexpected(buffer.error().message());
  write_pages(buffer->bytes());
  return std::move(*buffer);
}

void write_pages(std::span<std::byte> memory) {
  for (std::uint64_t at = 0; at + sizeof at <= memory.size(); at += page_bytes) {
    const std::uint64_t word = at * 0x9e3779b97f4a7c15u + 1;
    std::memcpy(memory.data() + at, &word, sizeof word);
  }
}

std::uint64_t sum_of_pages(std::span<const std::byte> memory) {
  return sum_every<page_bytes>(memory);
}

Expected<UseMeter> UseMeter::start() {
  const auto memory = os::family_memory();
  if (!memory) return std::unexpected(memory.error().message());
  return UseMeter(memory->pss_bytes, memory->anonymous_bytes);
}

Expected<UseRow> UseMeter::read(std::string name) const {
  const auto memory = os::family_memory();
  if (!memory) return std::unexpected(memory.error().message());
  return UseRow{.name = std::move(name),
                .pss_bytes = grown(pss_bytes_, memory->pss_bytes),
                .anonymous_bytes = grown(anonymous_bytes_, memory->anonymous_bytes)};
}

Expected<void> check_room(std::uint64_t size, std::uint64_t buffers) {
  const std::uint64_t available = os::available_memory();
  // Divided, not multiplied: a size near 2^64 must not wrap to a small need.
  if (available > spare_bytes && size <= (available - spare_bytes) / buffers) return {};
  return std::unexpected(
      fmt::format("{} buffers of {} need more memory than the {} that are available", buffers,
                  format_size(size), format_size(available)));
}

}  // namespace leat::app::memory
