#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/page_transfer.h"
#include "sizes.h"

namespace leat::app::bench {
namespace {

/// As many as a chart of curves has colours.
constexpr std::size_t most_curves = 10;

bool contains_one(const html::Estimate& ratio) {
  return ratio.low < ratio.high && ratio.low <= 1 && ratio.high >= 1;
}

/// "333 ms, CPU 329 ms", and what has to be said about the row.
std::string note_of(const Json& row, const html::Estimate& wall, const html::Estimate& cpu,
                    bool is_baseline) {
  std::string note = fmt::format("{}, CPU {}", time_text(number_at(row, "wall_s")),
                                 time_text(number_at(row, "cpu_s")));
  if (is_baseline) return note + ", baseline";
  if (flag_at(row, "repeat")) return note + ", noise";
  if (!flag_at(row, "settled")) return note + ", not settled";
  if (contains_one(wall) && contains_one(cpu)) note += " ~";
  return note;
}

std::string short_size_text(double size) {
  for (const auto& [unit, letter] : {std::pair(1u << 30, "G"), {1u << 20, "M"}, {1u << 10, "K"}}) {
    if (size >= unit) return fmt::format("{:.3g}{}", size / unit, letter);
  }
  return fmt::format("{:.0f}", size);
}

/// Rows that are there at every size: neither repeats nor blocks that a sweep found.
bool is_in_curves(const Json& row, std::size_t index) {
  return index == 0 || (!flag_at(row, "repeat") && text_at(row, "mechanism") != "read_write");
}

std::string curve_name(const Json& row) {
  const bool by_hand = flag_at(row, "by_hand");
  return by_hand ? label_of(row) : text_at(row, "mechanism");
}

void add_point(std::vector<html::Curve>& curves, const Json& row, double size, const char* key) {
  const auto seconds = number_at(row, key);
  if (!seconds || *seconds <= 0 || size <= 0) return;
  const std::string name = curve_name(row);
  auto found = std::find_if(curves.begin(), curves.end(),
                            [&](const html::Curve& curve) { return curve.label == name; });
  if (found == curves.end()) {
    if (curves.size() == most_curves) return;
    found = curves.insert(curves.end(), {.label = name, .points = {}});
  }
  found->points.emplace_back(size, *seconds * 1e9 / size);
}

}  // namespace

html::BarChart bars_of(const SizedRows& sized) {
  const bool requests = sized.of_requests();
  html::BarChart chart{.title = "Time, as a share of the baseline's",
                       .first_name = requests ? "latency (p50)" : "wall time",
                       .second_name = "CPU time of the sender",
                       .unit = "",
                       .bars = {},
                       .mark = 1};
  for (std::size_t index = 0; index < sized.rows.size(); ++index) {
    const Json& row = *sized.rows[index];
    const html::Estimate one{1, 1, 1};
    const html::Estimate wall = ratio_at(row, "wall_vs_read_write").value_or(one);
    const html::Estimate cpu = ratio_at(row, "cpu_vs_read_write").value_or(one);
    chart.bars.push_back({label_of(row), wall, cpu, note_of(row, wall, cpu, index == 0)});
  }
  return chart;
}

html::StackChart stacks_of(const SizedRows& sized) {
  html::StackChart chart{
      .title = "Where the sender's CPU time went",
      .part_names = {"user, copying", "kernel, copying", "user, other", "kernel, other"},
      .stacks = {}};
  for (const Json* row : sized.rows) {
    const Json& profile = at(*row, "cpu_profile");
    const double samples = number_at(*row, "samples").value_or(0);
    if (!profile.is_object() || samples <= 0) continue;
    html::Stack stack{.label = label_of(*row), .parts = {}, .note = {}};
    for (const char* part : {"user_copying", "kernel_copying", "user_other", "kernel_other"}) {
      stack.parts.push_back(std::clamp(number_at(profile, part).value_or(0) / samples, 0.0, 1.0));
    }
    stack.note = fmt::format("{:.1f} ± {:.1f} % copying, n = {:.0f}",
                             100 * number_at(*row, "copy_share").value_or(0),
                             100 * number_at(*row, "copy_share_error").value_or(0), samples);
    chart.stacks.push_back(std::move(stack));
  }
  return chart;
}

html::CurveChart curves_of(const Scene& scene, const char* key, const char* title) {
  html::CurveChart chart{.title = title,
                         .x_name = "size of the transfer",
                         .y_name = "ns a byte",
                         .x_ticks = {},
                         .curves = {}};
  for (const SizedRows& sized : scene.sizes) {
    chart.x_ticks.emplace_back(sized.size, short_size_text(sized.size));
    for (std::size_t index = 0; index < sized.rows.size(); ++index) {
      if (!is_in_curves(*sized.rows[index], index)) continue;
      add_point(chart.curves, *sized.rows[index], sized.size, key);
    }
  }
  return chart;
}

}  // namespace leat::app::bench
