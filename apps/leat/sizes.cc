#include "sizes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include <fmt/core.h>

namespace leat::app {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t scale;
};

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t kilo = 1000;
constexpr std::array<Unit, 11> size_units{{{"", 1},
                                           {"B", 1},
                                           {"KiB", kib},
                                           {"MiB", kib* kib},
                                           {"GiB", kib* kib* kib},
                                           {"TiB", kib* kib* kib* kib},
                                           {"kB", kilo},
                                           {"KB", kilo},
                                           {"MB", kilo* kilo},
                                           {"GB", kilo* kilo* kilo},
                                           {"TB", kilo* kilo* kilo* kilo}}};
constexpr std::array<Unit, 4> duration_units{
    {{"", 1'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}, {"min", 60'000'000'000}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes the digits at the front of `text` off, as a number; none if there are none or too many.
std::optional<std::uint64_t> take_digits(std::string_view& text) {
  const auto digits =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  if (digits == 0) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text.substr(0, digits)) {
    if (__builtin_mul_overflow(value, 10u, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, static_cast<unsigned>(c - '0'), &value)) return std::nullopt;
  }
  text.remove_prefix(digits);
  return value;
}

/// The fraction ".ddd" at the front of `text`, in millionths; none if it is malformed or finer.
std::optional<std::uint64_t> take_millionths(std::string_view& text) {
  if (text.empty() || text.front() != '.') return 0;
  text.remove_prefix(1);
  const std::size_t before = text.size();
  auto value = take_digits(text);
  const std::size_t digits = before - text.size();
  if (!value || digits > 6) return std::nullopt;
  for (std::size_t i = digits; i < 6; ++i) *value *= 10;
  return value;
}

/// `text` in the smallest unit of the table; exact, or none.
std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units) {
  const auto whole = take_digits(text);
  if (!whole) return std::nullopt;
  const auto millionths = take_millionths(text);
  if (!millionths) return std::nullopt;
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [&](const Unit& candidate) { return candidate.name == text; });
  if (unit == units.end()) return std::nullopt;
  // Millionths are below 10^6 and scales at most 2^40: the product fits.
  const std::uint64_t part = *millionths * unit->scale;
  if (unit->scale == 1 && part != 0) return std::nullopt;
  std::uint64_t total = 0;
  if (__builtin_mul_overflow(*whole, unit->scale, &total)) return std::nullopt;
  if (__builtin_add_overflow(total, part / 1'000'000, &total)) return std::nullopt;
  return total;
}

constexpr std::uint64_t range_step = 16;

std::expected<std::uint64_t, std::string> parse_size_above_zero(std::string_view text) {
  auto size = parse_size(text);
  if (size && *size == 0) return std::unexpected(fmt::format("size '{}' is not at least 1", text));
  return size;
}

/// Adds what one word names: a size, or all sizes of a range.
std::expected<void, std::string> add_sizes(std::string_view text,
                                           std::vector<std::uint64_t>& sizes) {
  const std::size_t dots = text.find("..");
  const auto first = parse_size_above_zero(text.substr(0, dots));
  if (!first) return std::unexpected(first.error());
  const auto last =
      dots == std::string_view::npos ? first : parse_size_above_zero(text.substr(dots + 2));
  if (!last) return std::unexpected(last.error());
  if (*first > *last) {
    return std::unexpected(fmt::format("range '{}' ends below its beginning", text));
  }
  for (std::uint64_t size = *first; size < *last; size *= range_step) {
    sizes.push_back(size);
    if (size > *last / range_step) break;  // near 2^64 the next step would wrap
  }
  sizes.push_back(*last);
  return {};
}

}  // namespace

std::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
  if (const auto bytes = parse_quantity(text, size_units)) return *bytes;
  return std::unexpected(fmt::format(
      "'{}' is not a size: write plain bytes or a number with B, KiB, MiB, GiB, TiB, kB, MB, GB or "
      "TB, such as 64KiB",
      text));
}

std::expected<std::vector<std::uint64_t>, std::string> parse_sizes(
    std::span<const std::string> texts) {
  std::vector<std::uint64_t> sizes;
  for (const std::string& text : texts) {
    if (const auto added = add_sizes(text, sizes); !added) return std::unexpected(added.error());
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

std::string format_size(std::uint64_t bytes) {
  if (bytes < kib) return fmt::format("{} B", bytes);
  constexpr std::array<std::string_view, 6> names{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / static_cast<double>(kib);
  std::size_t place = 0;
  while (value >= 999.5 && place + 1 < names.size()) {
    value /= static_cast<double>(kib);
    ++place;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, names[place]);
}

std::expected<std::chrono::nanoseconds, std::string> parse_duration(std::string_view text) {
  const auto ns = parse_quantity(text, duration_units);
  // Ten years is more than any caller means, and adding it to a clock cannot overflow.
  constexpr std::uint64_t longest = 10ull * 365 * 24 * 3600 * 1'000'000'000;
  if (ns && *ns > 0 && *ns <= longest) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(*ns));
  }
  return std::unexpected(fmt::format(
      "'{}' is not a duration: write seconds, or a number with ms, s or min, such as 1.5 or 500ms",
      text));
}

std::string format_seconds(double seconds) {
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 59.5) return fmt::format("{:.0f} s", seconds);
  const double whole = std::min(std::round(seconds), 1e15);
  const auto total = static_cast<std::uint64_t>(whole);
  return fmt::format("{} min {:02} s", total / 60, total % 60);
}

}  // namespace leat::app
