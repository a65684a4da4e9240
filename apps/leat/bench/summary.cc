#include "bench/summary.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include <leat/transfer.h>

#include "bench/hardware_copies.h"
#include "bench/request_limits.h"

namespace leat::app::bench {
namespace {

constexpr std::uint64_t gib = 1ull << 30;

// The limits. Plain C prototypes gave 0.34 to 0.46 and 0.55 to 0.7.
constexpr double limit_to_baseline = 0.48;
constexpr double limit_to_best_block = 0.75;
constexpr double limit_of_default = 1.05;
constexpr double limit_sendfile_calls = 600;
constexpr double limit_copy_share_of_copying = 0.25;
constexpr double limit_copy_share_of_sharing = 0.03;
constexpr double limit_copy_share_times = 10;
constexpr std::uint64_t limit_rss_anon_bytes = 8ull << 20;

template <class Value>
std::vector<double> collect(const Row& row, Value value) {
  std::vector<double> values;
  values.reserve(row.samples.size());
  for (const Sample& sample : row.samples) values.push_back(static_cast<double>(value(sample)));
  return values;
}

template <class Value>
std::uint64_t median_count(const Row& row, Value value) {
  return static_cast<std::uint64_t>(std::llround(median(collect(row, value))));
}

template <class Value>
std::uint64_t largest(const Row& row, Value value) {
  std::uint64_t most = 0;
  for (const Sample& sample : row.samples) most = std::max(most, value(sample));
  return most;
}

KnownBy least_certain(const Row& row) {
  KnownBy known_by = KnownBy::construction;
  for (const Sample& sample : row.samples) known_by = std::max(known_by, sample.known_by);
  return known_by;
}

std::optional<double> planned_copies(const Series& series, Mechanism mechanism) {
  for (const Candidate& candidate : series.planned) {
    if (candidate.mechanism == mechanism && candidate.cpu_copies) return *candidate.cpu_copies;
  }
  return std::nullopt;
}

/// Per payload byte, as seen.
std::optional<double> copies_of(const Series& series, const Row& row) {
  if (least_certain(row) > KnownBy::kernel || series.size == 0) return std::nullopt;
  return median(collect(row, [](const Sample& s) { return s.cpu_copied_bytes; })) /
         static_cast<double>(series.size);
}

/// Calls by hand have neither leat's work to do nor its promises to keep.
bool is_ranked(const Row& row) {
  return row.role != Row::Role::repeat && row.role != Row::Role::by_hand;
}

bool narrow(const Ratio& ratio) { return ratio.half_width() <= settled_half_width; }

const Row* find(const Series& series, std::string_view name) {
  const auto found = std::find_if(series.rows.begin(), series.rows.end(),
                                  [&](const Row& row) { return row.name() == name; });
  return found == series.rows.end() ? nullptr : &*found;
}

/// Of sendfile and splice the one that saves more, CPU and wall time taken together.
const Row* better_zero_copy(const Series& series) {
  const auto score = [&](const Row& row) {
    return compare(row, series.baseline(), wall_of).ratio *
           compare(row, series.baseline(), cpu_of).ratio;
  };
  const Row* sendfile = find(series, "sendfile");
  const Row* splice = find(series, "splice");
  if (!sendfile || !splice) return sendfile ? sendfile : splice;
  return score(*sendfile) <= score(*splice) ? sendfile : splice;
}

Limit ratio_limit(const Row& row, const Row& other, double limit) {
  const Ratio wall = compare(row, other, wall_of);
  const Ratio cpu = compare(row, other, cpu_of);
  return {fmt::format("{} at most {:.2f} of {}: wall {:.2f}, cpu {:.2f}", row.label(), limit,
                      other.label(), wall.ratio, cpu.ratio),
          wall.ratio <= limit && cpu.ratio <= limit, narrow(wall) && narrow(cpu)};
}

Limit default_limit(const Series& series, const Row& automatic) {
  const Row& by_wall = fastest(series, wall_of);
  const Row& by_cpu = fastest(series, cpu_of);
  const Ratio wall = compare(automatic, by_wall, wall_of);
  const Ratio cpu = compare(automatic, by_cpu, cpu_of);
  return {fmt::format("auto at most {:.2f} of the best: wall {:.2f} ({}), cpu {:.2f} ({})",
                      limit_of_default, wall.ratio, by_wall.label(), cpu.ratio, by_cpu.label()),
          wall.ratio <= limit_of_default && cpu.ratio <= limit_of_default,
          narrow(wall) && narrow(cpu)};
}

/// What was only made dirty in the page cache kept nobody waiting for the disk.
double disk_bytes_of(const Sample& sample) {
  const std::uint64_t in_cache =
      std::min(sample.disk_written_bytes, sample.page_cache_growth_bytes);
  return static_cast<double>(sample.disk_read_bytes + sample.disk_written_bytes - in_cache);
}

LimitingSide limited_by(const Series& series, const Row& row, const Summary& summary) {
  const auto share = [&](double cpu_s) { return summary.wall_s > 0 ? cpu_s / summary.wall_s : 0; };
  const auto side = [&](const std::optional<double>& cpu_s,
                        std::optional<double> Sample::* waited) -> std::optional<Side> {
    if (!cpu_s) return std::nullopt;
    return Side{share(*cpu_s),
                median(collect(row, [&](const Sample& s) { return (s.*waited).value_or(0); }))};
  };
  return limiting_side({.sender = {share(summary.cpu_s), summary.waited_share},
                        .receiver = side(summary.receiver_cpu_s, &Sample::receiver_waited_share),
                        .feeder = side(summary.feeder_cpu_s, &Sample::feeder_waited_share),
                        .sender_slept = summary.voluntary_switches > 0,
                        .disk_part = median(collect(row, disk_bytes_of)) /
                                     static_cast<double>(std::max<std::uint64_t>(series.size, 1))});
}

std::string share_text(const CopyProfile& profile) {
  return fmt::format("{:.1f} +-{:.1f} % (n {})", 100 * profile.copy_share(),
                     100 * profile.copy_share_error(), profile.samples());
}

/// Settled unless the error's interval holds the limit itself.
Limit share_at_least(const Row& row) {
  const double share = row.profile.copy_share();
  return {fmt::format("copy share of {} at least {:.0f} %: {}", row.label(),
                      100 * limit_copy_share_of_copying, share_text(row.profile)),
          share >= limit_copy_share_of_copying,
          std::abs(share - limit_copy_share_of_copying) > row.profile.copy_share_error()};
}

Limit share_under(const Row& row) {
  const double share = row.profile.copy_share();
  return {fmt::format("copy share of {} under {:.0f} %: {}", row.label(),
                      100 * limit_copy_share_of_sharing, share_text(row.profile)),
          share<limit_copy_share_of_sharing, std::abs(share - limit_copy_share_of_sharing)> row
              .profile.copy_share_error()};
}

Limit share_times(const Row& copying, const Row& sharing) {
  const auto low = [](const CopyProfile& p) { return p.copy_share() - p.copy_share_error(); };
  const auto high = [](const CopyProfile& p) { return p.copy_share() + p.copy_share_error(); };
  const bool met =
      copying.profile.copy_share() >= limit_copy_share_times * sharing.profile.copy_share();
  const bool surely = low(copying.profile) >= limit_copy_share_times * high(sharing.profile);
  const bool never = high(copying.profile) < limit_copy_share_times * low(sharing.profile);
  return {fmt::format("copy share of {} at least {:.0f} times that of {}: {} to {}",
                      copying.label(), limit_copy_share_times, sharing.label(),
                      share_text(copying.profile), share_text(sharing.profile)),
          met, met ? surely : never};
}

/// None of rows that were not sampled.
void add_share_limits(const Series& series, std::vector<Limit>& limits) {
  const Row& copying = series.baseline();
  if (copying.profile.samples() == 0) return;
  limits.push_back(share_at_least(copying));
  for (const std::string_view name : {"sendfile", "splice"}) {
    const Row* sharing = find(series, name);
    if (!sharing || sharing->profile.samples() == 0) continue;
    limits.push_back(share_under(*sharing));
    if (name == "sendfile") limits.push_back(share_times(copying, *sharing));
  }
}

/// Past the page cache there have to be blocks of one's own: direct_io has another limit.
Limit memory_limit(const Series& series) {
  std::uint64_t most = 0;
  for (const Row& row : series.rows) {
    if (row.name() == "direct_io") continue;
    most = std::max(most, summarize(series, row).rss_anon_bytes);
  }
  return {fmt::format("anonymous memory under 8 MiB but for direct_io: {:.1f} MiB at most",
                      static_cast<double>(most) / static_cast<double>(1u << 20)),
          most < limit_rss_anon_bytes};
}

void summarize_latency(const Series& series, const Row& row, Summary& summary) {
  if (series.requests == 0 || row.samples.empty()) return;
  summary.latency_p50_s =
      median(collect(row, [](const Sample& s) { return s.latency_p50_s.value_or(0); }));
  summary.latency_p99_s = median(collect(row, p99_of));
  summary.p99 = compare(row, series.baseline(), p99_of);
  summary.p99_settled = summary.p99.half_width() <= half_width_wanted(series);
}

}  // namespace

Summary summarize(const Series& series, const Row& row) {
  Summary summary;
  const std::vector<double> walls = collect(row, wall_of);
  const std::vector<double> cpus = collect(row, cpu_of);
  summary.runs = row.samples.size();
  summary.wall_s = median(walls);
  summary.wall_mad = median_absolute_deviation(walls);
  summary.cpu_s = median(cpus);
  summary.cpu_mad = median_absolute_deviation(cpus);
  if (!row.samples.empty() && row.samples.front().receiver_cpu_s) {
    summary.receiver_cpu_s =
        median(collect(row, [](const Sample& s) { return s.receiver_cpu_s.value_or(0); }));
  }
  if (!row.samples.empty() && row.samples.front().feeder_cpu_s) {
    summary.feeder_cpu_s =
        median(collect(row, [](const Sample& s) { return s.feeder_cpu_s.value_or(0); }));
  }
  if (summary.wall_s > 0) {
    summary.gib_per_s =
        static_cast<double>(series.size) / static_cast<double>(gib) / summary.wall_s;
  }
  summary.wall = compare(row, series.baseline(), wall_of);
  summary.cpu = compare(row, series.baseline(), cpu_of);
  summary.wall_to_best = compare(row, series.best_read_write(), wall_of);
  summary.cpu_to_best = compare(row, series.best_read_write(), cpu_of);
  summary.calls = median(collect(row, [](const Sample& s) { return s.calls; }));
  summary.voluntary_switches =
      median(collect(row, [](const Sample& s) { return s.voluntary_switches; }));
  summary.involuntary_switches =
      median(collect(row, [](const Sample& s) { return s.involuntary_switches; }));
  summary.known_by = least_certain(row);
  summary.cpu_copies = copies_of(series, row);
  if (!row.samples.empty()) summary.picked = row.samples.back().picked;
  summary.planned_cpu_copies = planned_copies(series, summary.picked);
  if (summary.known_by == KnownBy::construction) summary.planned_cpu_copies = summary.cpu_copies;
  summary.dma_copies = hardware_copies({.pair = series.pair,
                                        .cold = series.pair.cache == Cache::cold,
                                        .on_disk = series.on_disk,
                                        .mechanism = summary.picked.name()});
  if (summary.cpu_copies) {
    summary.memory_traffic_bytes = 2 * *summary.cpu_copies * static_cast<double>(series.size);
  }
  summary.rss_anon_bytes = largest(row, [](const Sample& s) { return s.rss_anon_bytes; });
  summary.peak_rss_bytes = largest(row, [](const Sample& s) { return s.peak_rss_bytes; });
  summary.page_cache_growth_bytes =
      median_count(row, [](const Sample& s) { return s.page_cache_growth_bytes; });
  summary.waited_share = median(collect(row, [](const Sample& s) { return s.waited_share; }));
  summary.limited_by = limited_by(series, row, summary);
  summary.settled = is_settled(series, row);
  summarize_latency(series, row, summary);
  return summary;
}

std::uint32_t block_of(const Series& series, const Row& row) {
  if (series.pair.source == SourceKind::memory || row.samples.empty()) return 0;
  if (row.samples.back().picked.name() != "read_write") return 0;
  return row.way.block_bytes ? row.way.block_bytes : default_block_bytes;
}

const Row& fastest(const Series& series, double (*value)(const Sample&)) {
  const Row* best = &series.baseline();
  double least = 1;
  for (const Row& row : series.rows) {
    if (row.role == Row::Role::repeat) continue;
    const double ratio = compare(row, series.baseline(), value).ratio;
    if (ratio >= least) continue;
    least = ratio;
    best = &row;
  }
  return *best;
}

bool is_told_apart(const Ratio& ratio) noexcept { return ratio.low > 1 || ratio.high < 1; }

std::vector<Contradiction> find_contradictions(const Series& series) {
  std::vector<Contradiction> found;
  for (const Row& less : series.rows) {
    for (const Row& more : series.rows) {
      if (!is_ranked(less) || !is_ranked(more)) continue;
      const auto fewer = copies_of(series, less);
      const auto copies = copies_of(series, more);
      if (!fewer || !copies || *fewer >= *copies) continue;
      const Ratio cpu = compare(less, more, cpu_of);
      if (cpu.low > 1) found.push_back({&less, &more, cpu});
    }
  }
  return found;
}

std::vector<Limit> check_limits(const Series& series) {
  if (series.requests > 0) return check_request_limits(series);
  if (series.pair != Pair{} || series.size != gib) return {};
  std::vector<Limit> limits;
  if (const Row* row = better_zero_copy(series)) {
    limits.push_back(ratio_limit(*row, series.baseline(), limit_to_baseline));
    limits.push_back(ratio_limit(*row, series.best_read_write(), limit_to_best_block));
  }
  if (const Row* automatic = find(series, "auto")) {
    limits.push_back(default_limit(series, *automatic));
  }
  if (const Row* sendfile = find(series, "sendfile")) {
    const double calls = summarize(series, *sendfile).calls;
    limits.push_back({fmt::format("sendfile in at most {} calls: {}", limit_sendfile_calls, calls),
                      calls <= limit_sendfile_calls});
  }
  limits.push_back(memory_limit(series));
  add_share_limits(series, limits);
  return limits;
}

}  // namespace leat::app::bench
