#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include <leat/transfer.h>

#include "bench/report.h"
#include "bench/report_cells.h"
#include "bench/summary.h"
#include "os/host.h"
#include "os/loopback.h"
#include "sizes.h"

namespace leat::app::bench {
namespace {

#ifdef __clang__
constexpr const char* compiler = __VERSION__;
#else
constexpr const char* compiler = "g++ " __VERSION__;
#endif

/// What it takes; then, in a second table, where that goes.
constexpr const char* time_format = "{:<19} {:>7} {:>7} {:>6}  {:<18} {:<18}\n";
constexpr const char* where_format = "{:<20} {:>7} {:>7} {:>9} {:>7} {:>3} {:>17} {:>9} {:>9}\n";

std::string seconds_cell(double seconds) {
  if (seconds < 0.001) return fmt::format("{:.0f}us", seconds * 1e6);
  return seconds < 100 ? fmt::format("{:.3f}", seconds) : fmt::format("{:.0f}", seconds);
}

std::string time_row(const Row& row, const Summary& summary) {
  const bool is_baseline = row.role == Row::Role::baseline;
  return trimmed(
      fmt::format(fmt::runtime(time_format), row.label(), seconds_cell(summary.wall_s),
                  seconds_cell(summary.cpu_s),
                  fmt::format("{:.{}f}", summary.gib_per_s, summary.gib_per_s < 99.995 ? 2 : 0),
                  marked_cell(summary.wall, is_baseline), marked_cell(summary.cpu, is_baseline)));
}

std::string copies_cell(const std::optional<double>& copies) {
  if (!copies) return "?";
  return fmt::format("{:.{}f}", *copies, *copies == std::round(*copies) ? 0 : 2);
}

std::string share_cell(const CopyProfile& profile) {
  if (profile.samples() == 0) return "-";
  return fmt::format("{:.1f} +-{:.1f} ({})", 100 * profile.copy_share(),
                     100 * profile.copy_share_error(), profile.samples());
}

/// As text of at most 7 columns, however many there are; a fraction if a run makes several
/// transfers.
std::string count_cell(double count) {
  if (count >= 1e7) return fmt::format("{:.0f}M", count / 1e6);
  const bool whole = count >= 99.5 || std::abs(count - std::round(count)) < 0.005;
  return fmt::format("{:.{}f}", count, whole ? 0 : count >= 9.95 ? 1 : 2);
}

std::string where_row(const Row& row, const Summary& summary) {
  const std::string mark = summary.known_by == KnownBy::kernel ? "k" : "";
  return trimmed(fmt::format(
      fmt::runtime(where_format), row.label(), count_cell(summary.calls),
      count_cell(2 * summary.calls),
      fmt::format("{}/{}", count_cell(summary.voluntary_switches),
                  count_cell(summary.involuntary_switches)),
      copies_cell(summary.planned_cpu_copies) + "/" + copies_cell(summary.cpu_copies) + mark,
      copies_cell(summary.dma_copies), share_cell(row.profile), format_size(summary.rss_anon_bytes),
      format_size(summary.page_cache_growth_bytes)));
}

std::string_view text_of(SinkKind sink) {
  switch (sink) {
    case SinkKind::tcp: return "TCP";
    case SinkKind::unix_socket: return "a UNIX socket";
    case SinkKind::pipe: return "a pipe";
    case SinkKind::file: return "a new file";
  }
  return "unknown";
}

/// "file to TCP over loopback", "TCP over veth to a new file".
std::string pair_text(const Pair& pair) {
  const std::string over = pair.over_tcp() ? fmt::format(" over {}", path_of(pair)) : "";
  const bool from_tcp = pair.source == SourceKind::tcp;
  if (from_tcp && pair.sink == SinkKind::tcp) return fmt::format("TCP to TCP, both{}", over);
  if (from_tcp) return fmt::format("TCP{} to {}", over, text_of(pair.sink));
  return fmt::format("{} to {}{}", name_of(pair.source), text_of(pair.sink), over);
}

/// What the receiver does with the bytes.
std::string_view receiver_text(const Pair& pair) {
  if (pair.receiver == Receiver::copy) return "reads into a buffer of 1 MiB (copy)";
  switch (pair.sink) {
    case SinkKind::tcp: return "discards (truncate: MSG_TRUNC)";
    case SinkKind::unix_socket: return "discards (truncate: splice by a pipe to /dev/null)";
    case SinkKind::pipe: return "discards (truncate: splice to /dev/null)";
    case SinkKind::file: return "";
  }
  return "";
}

std::string format_heading(const Series& series) {
  const Pair& pair = series.pair;
  std::string text =
      fmt::format("{}, {}, {}, {} round{}\n", pair_text(pair), format_size(series.size),
                  name_of(pair.cache), series.rounds, series.rounds == 1 ? "" : "s");
  text += format_request_heading(series);
  if (series.repeats > 1) {
    text +=
        fmt::format("a run moves it {} times; all figures are of one transfer\n", series.repeats);
  }
  if (pair.over_tcp()) text += fmt::format("congestion control: {}\n", os::loss_based_algorithm());
  if (pair.is_received() && series.requests == 0) {
    text += fmt::format("the receiver is a process of its own and {}\n", receiver_text(pair));
  }
  if (pair.is_fed()) {
    text += "the feeder is a process of its own, whose time is not in the figures\n";
  }
  return text;
}

std::string format_noise(const Series& series) {
  for (const Row& row : series.rows) {
    if (row.role != Row::Role::repeat) continue;
    const Summary summary = summarize(series, row);
    return fmt::format("noise: read_write against itself: {} {}, cpu {}\n",
                       series.requests > 0 ? "p50" : "wall", ratio_cell(summary.wall, false),
                       ratio_cell(summary.cpu, false));
  }
  return {};
}

std::string format_choice(const Series& series) {
  std::string text = fmt::format("best: {} by wall time, {} by cpu time\n",
                                 fastest(series, wall_of).label(), fastest(series, cpu_of).label());
  for (const Row& row : series.rows) {
    if (row.role != Row::Role::automatic) continue;
    text += fmt::format("auto picked {}\n", summarize(series, row).picked.name());
  }
  if (series.best_block_bytes) {
    text += fmt::format("read_write's block: {} by default; measured best: {}\n",
                        short_size(default_block_bytes), short_size(*series.best_block_bytes));
  }
  return text;
}

/// Five to a line.
std::string format_sweep(const Series& series) {
  std::string text;
  int count = 0;
  for (const SweepPoint& point : series.sweep) {
    if (point.block_bytes == baseline_block_bytes) continue;
    if (count++ % 5 == 0) text += text.empty() ? "blocks, wall/cpu:" : "\n                 ";
    text += fmt::format(" {} {:.2f}/{:.2f}", short_size(point.block_bytes), point.wall.ratio,
                        point.cpu.ratio);
  }
  return text.empty() ? text : text + "\n";
}

/// Where the copies come from, if not from how the mechanism is built.
std::string format_verdicts(const Series& series) {
  std::vector<std::string> reported;
  std::vector<std::string> pending;
  for (const Row& row : series.rows) {
    const KnownBy known_by = summarize(series, row).known_by;
    if (known_by == KnownBy::kernel) reported.push_back(row.label());
    if (known_by == KnownBy::pending) pending.push_back(row.label());
  }
  return list_rows("copies as the kernel reported them", reported) +
         list_rows("the kernel's verdict on the copies did not come in time", pending);
}

/// "limited by: sender CPU (read_write, splice), disk (direct_io)".
std::string format_limiting_sides(const Series& series) {
  std::vector<std::string> names;
  for (const LimitingSide side :
       {LimitingSide::sender_cpu, LimitingSide::receiver_cpu, LimitingSide::feeder_cpu,
        LimitingSide::disk, LimitingSide::window}) {
    const std::size_t first = names.size();
    for (const Row& row : series.rows) {
      if (summarize(series, row).limited_by == side) names.push_back(row.label());
    }
    if (names.size() == first) continue;
    names[first].insert(0, fmt::format("{} (", text_of(side)));
    names.back() += ")";
  }
  return list_rows("limited by", names);
}

std::string format_unsettled(const Series& series) {
  std::vector<std::string> names;
  for (const Row& row : series.rows) {
    if (!is_settled(series, row)) names.push_back(row.label());
  }
  return list_rows(fmt::format("FAILED: not settled, an interval is wider than +-{:.0f} %",
                               half_width_wanted(series) * 100),
                   names);
}

std::string format_rows(const Series& series) {
  std::string times = trimmed(fmt::format(fmt::runtime(time_format), "mechanism", "wall s", "cpu s",
                                          "GiB/s", "wall ratio [95 %]", "cpu ratio [95 %]"));
  std::string where =
      trimmed(fmt::format(fmt::runtime(where_format), "where it goes", "calls", "modes", "switches",
                          "copies", "DMA", "copying % (n)", "RssAnon", "cache"));
  for (const Row& row : series.rows) {
    const Summary summary = summarize(series, row);
    times += time_row(row, summary);
    where += where_row(row, summary);
  }
  if (series.requests > 0) times = format_request_rows(series);
  times += fmt::format(
      "ratios to read_write{}, medians of pairs; ~ not told apart: the interval contains 1\n",
      series.baseline().way.block_bytes ? " in blocks of 64K" : "");
  where +=
      "modes: changes into the kernel and back. switches: voluntary/involuntary. copies a byte: "
      "by\n"
      "construction/as seen (k: the kernel said so). copying: share of the CPU time +- 95 % "
      "error.\n"
      "RssAnon: anonymous memory at most. cache: what the page cache grew by\n";
  return times + "\n" + where;
}

std::string format_denial(const Series& series) {
  if (series.sampling_denied.empty()) return {};
  return fmt::format("no copy shares: {}\n", series.sampling_denied);
}

/// What copies less takes less CPU time, or else which rows break the rule.
std::string format_ranking(const Series& series) {
  const std::vector<Contradiction> found = find_contradictions(series);
  if (found.empty()) {
    return "ranking by CPU time equals the ranking by copied bytes, where both tell rows apart\n";
  }
  std::string text = "ranking by CPU time differs from the ranking by copied bytes:\n";
  for (const Contradiction& pair : found) {
    text += fmt::format("  {} copies less than {}, but takes {:.2f} times its CPU time\n",
                        pair.copies_less->label(), pair.copies_more->label(), pair.cpu.ratio);
  }
  return text;
}

}  // namespace

std::string format_table(const Series& series) {
  std::string text = format_heading(series) + "\n" + format_rows(series) + "\n";
  text += format_denial(series) + format_verdicts(series);
  for (const Absent& absent : series.absent) {
    text += fmt::format("no row for {}: {}\n", absent.mechanism.name(), absent.reason);
  }
  text += format_unsettled(series) + format_unsettled_p99(series) + format_limiting_sides(series) +
          format_sweep(series) + format_noise(series) + format_choice(series) +
          format_ranking(series);
  for (const Limit& limit : check_limits(series)) {
    text += wrapped(fmt::format("limit {}: {}",
                                !limit.settled ? "NOISY"
                                : limit.met    ? "met"
                                               : "NOT MET",
                                limit.text));
  }
  return text;
}

std::string format_origin(const Origin& origin) {
  return fmt::format("{}\n{}; {}, {} cores, load {:.1f}; {}\n", origin.command, origin.kernel,
                     origin.cpu, origin.cores, origin.load, origin.compiler);
}

Origin origin_here() {
  return {.command = os::command_line(),
          .kernel = os::kernel_name(),
          .cpu = os::processor_name(),
          .cores = os::usable_processors(),
          .load = os::load_average(),
          .compiler = compiler};
}

}  // namespace leat::app::bench
