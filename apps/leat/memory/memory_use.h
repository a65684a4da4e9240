/// Memory that several processes or threads take for the same bytes. Exact, so measured once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <leat/buffer.h>

#include "memory/side_by_side.h"

namespace leat::app::memory {

struct UseSettings {
  std::uint64_t size = 256ull << 20;  ///< of the buffer; whole pages
  std::function<void(std::string_view)> progress{};
};

/// One way, at the moment when it takes most.
struct UseRow {
  std::string name;
  std::uint64_t pss_bytes = 0;  ///< added to all of its processes together
  /// RssAnon, likewise; nothing where processes share such pages, which would count twice.
  std::optional<std::uint64_t> anonymous_bytes{};
  std::optional<std::uint64_t> copied_bytes{};  ///< of the buffer, while it was sent
};

struct UseGroup {
  std::string key;    ///< for scripts
  std::string title;  ///< for people
  std::uint64_t size = 0;
  std::vector<UseRow> rows{};
  std::vector<Absent> absent{};
  std::vector<bench::Limit> limits{};

  /// Null if there is none.
  const UseRow* find(std::string_view name) const;
  /// "1.02": so many times the buffer.
  double copies(std::uint64_t bytes) const;
};

inline constexpr std::uint64_t page_bytes = 4096;

/// Pages of its own, all of them written. Errors: ENOMEM.
Expected<Buffer> written_pages(std::uint64_t size);
/// Writes something to each page, the same for the same size; reads it.
void write_pages(std::span<std::byte> memory);
std::uint64_t sum_of_pages(std::span<const std::byte> memory);

/// What this process and its children take more than at the start.
class UseMeter {
 public:
  static Expected<UseMeter> start();
  /// As a row of this name.
  Expected<UseRow> read(std::string name) const;

 private:
  UseMeter(std::uint64_t pss_bytes, std::uint64_t anonymous_bytes) noexcept
      : pss_bytes_(pss_bytes), anonymous_bytes_(anonymous_bytes) {}

  std::uint64_t pss_bytes_;
  std::uint64_t anonymous_bytes_;
};

/// An error unless there is memory for so many buffers and some more.
Expected<void> check_room(std::uint64_t size, std::uint64_t buffers);

}  // namespace leat::app::memory
