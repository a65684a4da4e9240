/// Sizes, rates and durations as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leat::app {

/// Reads "65536", "64KiB", "1.5GiB" or "10MB": plain bytes, powers of 1024 or powers of 1000.
/// The error is a sentence that names the accepted units.
std::expected<std::uint64_t, std::string> parse_size(std::string_view text);

/// Reads sizes and ranges of them: "64..1GiB" is 64 B, then sixteen times as much again and again,
/// and 1 GiB whether or not the steps meet it. Returns each size once, the smallest first. The
/// error is a sentence; 0 is one.
std::expected<std::vector<std::uint64_t>, std::string> parse_sizes(
    std::span<const std::string> texts);

/// "0 B", "4.00 KiB", "10.5 MiB", "1.00 GiB": three digits, powers of 1024.
std::string format_size(std::uint64_t bytes);

/// Reads "1.5", "10s", "500ms", "2min": seconds where there is no unit. More than zero.
/// The error is a sentence that names the accepted units.
std::expected<std::chrono::nanoseconds, std::string> parse_duration(std::string_view text);

/// "0.41 s", "12 s", "3 min 20 s".
std::string format_seconds(double seconds);

}  // namespace leat::app
