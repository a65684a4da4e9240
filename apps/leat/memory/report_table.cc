#include <cmath>
#include <string_view>

#include <fmt/core.h>

#include "bench/report_cells.h"
#include "memory/report.h"
#include "sizes.h"

namespace leat::app::memory {
namespace {

constexpr const char* time_format = "{:<29} {:>8} {:>8} {:>6} {:>6}  {:<18} {:<18}\n";
constexpr const char* use_format = "{:<29} {:>10} {:>10} {:>10} {:>10}\n";

/// At most 8 columns.
std::string time_cell(double ns) {
  const auto with_unit = [](double value, const char* unit) {
    const int digits = value < 0.9995 ? 3 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, digits, unit);
  };
  if (ns < 999.5) return with_unit(ns, "ns");
  if (ns < 999.5e3) return with_unit(ns / 1e3, "us");
  return ns < 999.5e6 ? with_unit(ns / 1e6, "ms") : with_unit(ns / 1e9, "s");
}

/// At most 6 columns.
std::string count_cell(double count) {
  if (count >= 99999.5) return fmt::format("{:.0f}k", count / 1000);
  const bool is_whole = count >= 99.5 || std::abs(count - std::round(count)) < 0.005;
  return fmt::format("{:.{}f}", count, is_whole ? 0 : 2);
}

std::string row_text(const Group& group, const Row& row) {
  const bool is_first = &row == &group.rows.front();
  return bench::trimmed(fmt::format(
      fmt::runtime(time_format), row.label(), time_cell(bench::median(row.wall_ns)),
      time_cell(bench::median(row.cpu_ns)), row.heap ? count_cell(row.heap->bytes) : "-",
      row.heap ? count_cell(row.heap->allocations) : "-",
      bench::marked_cell(wall_to_first(group, row), is_first),
      bench::marked_cell(cpu_to_first(group, row), is_first)));
}

std::string absent_text(const std::vector<Absent>& absent) {
  std::string text;
  for (const Absent& each : absent) {
    text += bench::wrapped(fmt::format("no row for {}: {}", each.name, each.reason));
  }
  return text;
}

std::string limits_text(const std::vector<bench::Limit>& limits) {
  std::string text;
  for (const bench::Limit& limit : limits) {
    text += bench::wrapped(fmt::format("limit {}: {}",
                                       !limit.settled ? "NOISY"
                                       : limit.met    ? "met"
                                                      : "NOT MET",
                                       limit.text));
  }
  return text;
}

std::string unsettled_text(const Group& group) {
  std::vector<std::string> names;
  std::vector<std::string> from_disk;
  for (const Row& row : group.rows) {
    if (!is_settled(group, row)) (row.from_disk ? from_disk : names).push_back(row.label());
  }
  return bench::list_rows("FAILED: not settled, an interval is wider than +-7 %", names) +
         bench::list_rows("the disk's speed, which need not settle, did not", from_disk);
}

}  // namespace

std::string format_table(const Group& group) {
  std::string text = bench::wrapped(
      fmt::format("{}, {} round{}", group.title, group.rounds, group.rounds == 1 ? "" : "s"));
  if (!group.rows.empty()) {
    text += bench::trimmed(fmt::format(fmt::runtime(time_format), "of one " + group.operation,
                                       "wall", "cpu", "heap B", "allocs", "wall ratio [95 %]",
                                       "cpu ratio [95 %]"));
  }
  for (const Row& row : group.rows) text += row_text(group, row);
  return text + absent_text(group.absent) + unsettled_text(group) +
         limits_text(check_bounds(group));
}

std::string format_table(const UseGroup& group) {
  std::string text = bench::wrapped(group.title);
  text += bench::trimmed(
      fmt::format(fmt::runtime(use_format), "what it adds", "Pss", "RssAnon", "copies", "copied"));
  for (const UseRow& row : group.rows) {
    text +=
        bench::trimmed(fmt::format(fmt::runtime(use_format), row.name, format_size(row.pss_bytes),
                                   row.anonymous_bytes ? format_size(*row.anonymous_bytes) : "-",
                                   fmt::format("{:.3f}", group.copies(row.pss_bytes)),
                                   row.copied_bytes ? format_size(*row.copied_bytes) : "-"));
  }
  return text + absent_text(group.absent) + limits_text(group.limits);
}

}  // namespace leat::app::memory
