#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include <leat/transfer.h>

#include "bench/report.h"
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

constexpr const char* row_format = "{:<15} {:>5} {:>6} {:>6} {:>5} {:>6} {:>10} {:>6} {:<16} {}\n";

/// At most 16 columns.
std::string ratio_cell(const Ratio& ratio, bool is_baseline) {
  if (is_baseline) return "1";
  if (ratio.ratio < 0.005) return fmt::format("1/{:.0f}", 1 / ratio.ratio);
  if (ratio.high > 1e6) return fmt::format("{:.2f} [too few]", ratio.ratio);
  const int digits = ratio.high < 9.995 ? 2 : ratio.high < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} [{:.{}f}-{:.{}f}]", ratio.ratio, digits, ratio.low, digits,
                     ratio.high, digits);
}

std::string seconds_cell(double seconds) {
  if (seconds < 0.001) return fmt::format("{:.0f}us", seconds * 1e6);
  return seconds < 100 ? fmt::format("{:.3f}", seconds) : fmt::format("{:.0f}", seconds);
}

std::string format_row(const Series& series, const Row& row) {
  const Summary summary = summarize(series, row);
  const bool is_baseline = row.role == Row::Role::baseline;
  const std::string name =
      row.role == Row::Role::repeat ? "read_write (2)" : std::string(row.name());
  return fmt::format(fmt::runtime(row_format), name, short_size(block_of(series, row)),
                     seconds_cell(summary.wall_s), seconds_cell(summary.cpu_s),
                     fmt::format("{:.{}f}", summary.gib_per_s, summary.gib_per_s < 99.995 ? 2 : 0),
                     summary.calls,
                     fmt::format("{}/{}", summary.voluntary_switches, summary.involuntary_switches),
                     summary.cpu_copies ? fmt::format("{:.2f}", *summary.cpu_copies) : "?",
                     ratio_cell(summary.wall, is_baseline), ratio_cell(summary.cpu, is_baseline));
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
  if (pair.over_tcp()) text += fmt::format("congestion control: {}\n", os::loss_based_algorithm());
  if (pair.is_received()) {
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
    return fmt::format("noise: read_write against itself: wall {}, cpu {}\n",
                       ratio_cell(summary.wall, false), ratio_cell(summary.cpu, false));
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

/// "what: name, name", in lines of at most 100 columns; nothing if there are no names.
std::string list_rows(std::string_view what, const std::vector<std::string>& names) {
  constexpr std::size_t columns = 100;
  std::string text;
  std::size_t begin = 0;  // of the last line
  for (const std::string& name : names) {
    if (text.empty()) {
      text = fmt::format("{}: {}", what, name);
    } else if (text.size() + 3 + name.size() - begin > columns) {
      text += ",\n";
      begin = text.size();
      text += "  " + name;
    } else {
      text += ", " + name;
    }
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
                               settled_half_width * 100),
                   names);
}

}  // namespace

std::string format_table(const Series& series) {
  std::string text = format_heading(series);
  text += fmt::format(fmt::runtime(row_format), "mechanism", "block", "wall s", "cpu s", "GiB/s",
                      "calls", "switches*", "copies", "wall ratio**", "cpu ratio**");
  for (const Row& row : series.rows) text += format_row(series, row);
  text += fmt::format("* voluntary/involuntary  ** to read_write{}, medians of pairs [95 %]\n",
                      series.baseline().way.block_bytes ? " in blocks of 64K" : "");
  text += format_verdicts(series);
  for (const Absent& absent : series.absent) {
    text += fmt::format("no row for {}: {}\n", absent.mechanism.name(), absent.reason);
  }
  text += format_unsettled(series) + format_limiting_sides(series) + format_sweep(series) +
          format_noise(series) + format_choice(series);
  for (const Limit& limit : check_limits(series)) {
    text += fmt::format("limit {}: {}\n",
                        !limit.settled ? "NOISY"
                        : limit.met    ? "met"
                                       : "NOT MET",
                        limit.text);
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
