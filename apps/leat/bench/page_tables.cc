#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/page_transfer.h"
#include "html/markup.h"

namespace leat::app::bench {
namespace {

bool any_has(const SizedRows& sized, const char* key) {
  for (const Json* row : sized.rows) {
    if (number_at(*row, key)) return true;
  }
  return false;
}

std::string latency_text(const Json& row, const char* key) {
  const auto microseconds = number_at(row, key);
  return microseconds ? html::short_figure(*microseconds) : "–";
}

/// "sender CPU", of "sender_cpu".
std::string limit_text(const Json& row) {
  const std::string side = text_at(row, "limited_by");
  const std::string_view cpu = "_cpu";
  if (side.ends_with(cpu)) return side.substr(0, side.size() - cpu.size()) + " CPU";
  return side.empty() ? "–" : side;
}

std::string share_text(const Json& row) {
  const auto share = number_at(row, "copy_share");
  if (!share) return "–";
  return fmt::format("{:.1f} ± {:.1f}", 100 * *share,
                     100 * number_at(row, "copy_share_error").value_or(1));
}

std::string known_text(const Json& row) {
  const std::string known_by = text_at(row, "known_by");
  return known_by.empty() ? "–" : known_by;
}

}  // namespace

html::Table times_of(const SizedRows& sized) {
  const bool requests = any_has(sized, "latency_p50_us");
  html::Table table;
  table.columns = {"mechanism"};
  if (requests) {
    table.columns.insert(table.columns.end(), {"p50 µs", "p99 µs", "p99 ratio [95 %]"});
  } else {
    table.columns.insert(table.columns.end(), {"wall s", "± MAD", "GiB/s"});
  }
  table.columns.insert(
      table.columns.end(),
      {"CPU s", "± MAD", requests ? "p50 ratio [95 %]" : "wall ratio [95 %]", "CPU ratio [95 %]",
       "CPU s, receiver", "CPU s, feeder", "limited by", "runs", "settled"});
  for (const Json* row : sized.rows) {
    std::vector<std::string> cells{label_of(*row)};
    if (requests) {
      cells.push_back(latency_text(*row, "latency_p50_us"));
      cells.push_back(latency_text(*row, "latency_p99_us"));
      cells.push_back(ratio_text(ratio_at(*row, "latency_p99_vs_read_write")));
    } else {
      cells.push_back(seconds_text(number_at(*row, "wall_s")));
      cells.push_back(seconds_text(number_at(*row, "wall_mad")));
      const auto speed = number_at(*row, "gib_per_s");
      cells.push_back(speed ? html::short_figure(*speed) : "–");
    }
    for (const char* key : {"cpu_s", "cpu_mad"})
      cells.push_back(seconds_text(number_at(*row, key)));
    for (const char* key : {"wall_vs_read_write", "cpu_vs_read_write"}) {
      cells.push_back(row == sized.rows.front() ? "1" : ratio_text(ratio_at(*row, key)));
    }
    for (const char* key : {"receiver_cpu_s", "feeder_cpu_s"}) {
      cells.push_back(seconds_text(number_at(*row, key)));
    }
    cells.push_back(limit_text(*row));
    cells.push_back(count_text(number_at(*row, "runs")));
    cells.emplace_back(flag_at(*row, "settled") ? "yes" : "NO");
    table.rows.push_back(std::move(cells));
  }
  return table;
}

html::Table places_of(const SizedRows& sized) {
  html::Table table;
  table.columns = {"mechanism",         "calls",
                   "mode switches",     "voluntary switches",
                   "involuntary",       "CPU copies by construction",
                   "as seen",           "known by",
                   "DMA copies",        "memory traffic",
                   "copying, % of CPU", "samples",
                   "RssAnon",           "peak RSS",
                   "page cache grew by"};
  for (const Json* row : sized.rows) {
    std::vector<std::string> cells{label_of(*row)};
    for (const char* key : {"calls", "mode_switches", "voluntary_switches", "involuntary_switches",
                            "cpu_copies_expected", "cpu_copies"}) {
      cells.push_back(count_text(number_at(*row, key)));
    }
    cells.push_back(known_text(*row));
    cells.push_back(count_text(number_at(*row, "dma_copies")));
    cells.push_back(bytes_text(number_at(*row, "memory_traffic_bytes")));
    cells.push_back(share_text(*row));
    cells.push_back(count_text(number_at(*row, "samples")));
    for (const char* key : {"rss_anon_bytes", "peak_rss_bytes", "page_cache_growth_bytes"}) {
      cells.push_back(bytes_text(number_at(*row, key)));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace leat::app::bench
