#include "bench/page_parts.h"

#include <cmath>

#include <fmt/format.h>

#include "html/markup.h"
#include "sizes.h"

namespace leat::app::bench {
namespace {

constexpr const char* none = "–";
/// Of one pair of runs there is no interval: its ends are as far away as numbers go.
constexpr double too_wide = 1e6;

}  // namespace

const Json& at(const Json& object, std::string_view key) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto found = object.find(std::string(key));
  return found == object.end() ? null : *found;
}

std::string text_at(const Json& object, std::string_view key) {
  const Json& value = at(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::optional<double> number_at(const Json& object, std::string_view key) {
  const Json& value = at(object, key);
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

bool flag_at(const Json& object, std::string_view key) {
  const Json& value = at(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::optional<html::Estimate> ratio_at(const Json& object, std::string_view key) {
  const Json& value = at(object, key);
  const auto ratio = number_at(value, "ratio");
  if (!ratio) return std::nullopt;
  const double low = number_at(value, "low").value_or(*ratio);
  const double high = number_at(value, "high").value_or(*ratio);
  if (high > too_wide) return html::Estimate{*ratio, *ratio, *ratio};
  return html::Estimate{*ratio, low, high};
}

std::string origin_of(const Json& result) {
  const Json& host = at(result, "host");
  std::string kernel = text_at(host, "kernel");
  if (!kernel.empty() && !kernel.starts_with("Linux")) kernel = "Linux " + kernel;
  std::string text = text_at(result, "command");
  text += fmt::format("; {}; {}", kernel, text_at(host, "cpu"));
  if (const auto cores = number_at(host, "cores")) text += fmt::format(", {:.0f} cores", *cores);
  const auto load = number_at(result, "load");
  if (const auto known = load ? load : number_at(host, "load")) {
    text += fmt::format(", load {:.1f} at the start", *known);
  }
  if (const std::string compiler = text_at(host, "compiler"); !compiler.empty()) {
    text += "; " + compiler;
  }
  return text;
}

std::string ratio_text(const std::optional<html::Estimate>& ratio) {
  if (!ratio) return none;
  if (ratio->value > 0 && ratio->value < 0.005) return fmt::format("1/{:.0f}", 1 / ratio->value);
  std::string text = html::short_figure(ratio->value);
  if (ratio->low == ratio->high) return text;
  text += fmt::format(" [{}–{}]", html::short_figure(ratio->low), html::short_figure(ratio->high));
  return ratio->low <= 1 && ratio->high >= 1 ? text + " ~" : text;
}

std::string seconds_text(const std::optional<double>& seconds) {
  if (!seconds) return none;
  if (*seconds < 1e-3) return fmt::format("{:.{}f} µs", *seconds * 1e6, *seconds < 1e-5 ? 2 : 1);
  return fmt::format("{:#.3g}", *seconds);
}

std::string time_text(const std::optional<double>& seconds) {
  if (!seconds) return none;
  if (*seconds < 1e-3) return fmt::format("{:.1f} µs", *seconds * 1e6);
  return *seconds < 1 ? fmt::format("{:.3g} ms", *seconds * 1e3)
                      : fmt::format("{:.2f} s", *seconds);
}

std::string count_text(const std::optional<double>& count) {
  if (!count) return none;
  return fmt::format("{:.{}f}", *count, *count == std::round(*count) ? 0 : 2);
}

std::string bytes_text(const std::optional<double>& bytes) {
  if (!bytes || *bytes < 0 || *bytes > 1e18) return none;
  return format_size(static_cast<std::uint64_t>(*bytes));
}

}  // namespace leat::app::bench
