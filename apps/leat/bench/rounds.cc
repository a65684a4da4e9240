#include "bench/rounds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

#include <fmt/core.h>

#include <leat/context.h>
#include <leat/plan.h>
#include <leat/transfer.h>

#include "bench/ends.h"
#include "bench/payload.h"
#include "bench/requests.h"
#include "os/payload_file.h"

namespace leat::app::bench {
namespace {

constexpr std::array<std::uint32_t, 5> usual_blocks{16u << 10, 128u << 10, 256u << 10, 512u << 10,
                                                    1u << 20};
constexpr int sweep_rounds = 5;

/// What getrusage(2) can tell apart; it also keeps the ratios of very short runs finite.
constexpr double resolution_s = 1e-6;

Mechanism read_write() { return Mechanism::named("read_write").value_or(Mechanism()); }

std::vector<double> values_of(const Row& row, double (*value)(const Sample&)) {
  std::vector<double> values;
  values.reserve(row.samples.size());
  for (const Sample& sample : row.samples) values.push_back(std::max(value(sample), resolution_s));
  return values;
}

bool has_blocks(const Pair& pair) { return pair.source != SourceKind::memory; }

bool wanted(const Settings& settings, Mechanism mechanism) {
  return settings.mechanisms.empty() ||
         std::find(settings.mechanisms.begin(), settings.mechanisms.end(), mechanism) !=
             settings.mechanisms.end();
}

/// The rows but for read_write's best block: the plan's candidates, so that a new mechanism shows
/// up without a change here.
std::expected<void, std::string> list_rows(const Payload& payload, const Settings& settings,
                                           Series& series) {
  const Way baseline{read_write(), has_blocks(series.pair) ? baseline_block_bytes : 0};
  series.rows.push_back({Row::Role::baseline, baseline, {}});
  series.rows.push_back({Row::Role::repeat, baseline, {}});
  const auto planned = plan_runs(payload, series.pair);
  if (!planned) return std::unexpected(planned.error());
  series.planned = planned->candidates;
  series.on_disk = os::is_on_block_device(payload.file);
  for (const Candidate& candidate : planned->candidates) {
    const Mechanism mechanism = candidate.mechanism;
    if (mechanism == read_write() || !wanted(settings, mechanism)) continue;
    if (!mechanism.unavailable().empty()) {
      series.absent.push_back({mechanism, std::string(mechanism.unavailable())});
    } else if (!candidate.fits) {
      series.absent.push_back({mechanism, std::string(candidate.reason)});
    } else {
      series.rows.push_back({Row::Role::mechanism, {mechanism, 0}, {}});
    }
  }
  if (settings.automatic) series.rows.push_back({Row::Role::automatic, {}, {}});
  if (series.requests == 0 || !settings.mechanisms.empty()) return {};
  for (const ByHand call : calls_by_hand(series.pair)) {
    series.rows.push_back({Row::Role::by_hand, {.mechanism = {}, .by_hand = call}, {}});
  }
  return {};
}

/// Runs a row once. False: it refused.
std::expected<bool, std::string> run_row(const Payload& payload, const Series& series, Row& row,
                                         std::string& refusal) {
  auto sample = measure_checked(payload, series.pair, row.way);
  if (sample) {
    row.samples.push_back(*sample);
    return true;
  }
  if (!sample.error().refused || row.role != Row::Role::mechanism) {
    return std::unexpected(
        fmt::format("{}, {}: {}", describe(series.pair), row.label(), sample.error().message));
  }
  // Also late: a limit that it shares with other programs may be used up between two rounds.
  refusal = row.samples.empty() ? sample.error().message
                                : fmt::format("refused in round {}: {}", row.samples.size() + 1,
                                              sample.error().message);
  return false;
}

void tell(const Settings& settings, const Series& series, std::string_view stage, int round,
          std::string_view row) {
  if (!settings.progress) return;
  settings.progress(fmt::format("{}: {} {}, {}", describe(series.pair), stage, round, row));
}

/// Every row once.
std::expected<void, std::string> run_round(const Payload& payload, const Settings& settings,
                                           Series& series) {
  std::vector<Row*> order;
  order.reserve(series.rows.size());
  for (const std::size_t index : order_of_round(series.rows.size(), series.rounds)) {
    order.push_back(&series.rows[index]);
  }
  std::vector<const Row*> refused;
  for (Row* row : order) {
    tell(settings, series, "round", series.rounds + 1, row->label());
    std::string refusal;
    const auto ran = run_row(payload, series, *row, refusal);
    if (!ran) return std::unexpected(ran.error());
    if (*ran) continue;
    refused.push_back(row);
    series.absent.push_back({row->way.mechanism, refusal});
  }
  ++series.rounds;
  std::erase_if(series.rows, [&](const Row& row) {
    return std::find(refused.begin(), refused.end(), &row) != refused.end();
  });
  return {};
}

/// Finds the block at which read_write does best, by the geometric mean of wall and CPU time: a
/// block that saves one at the cost of the other is no clear winner.
std::expected<void, std::string> sweep(const Payload& payload, const Settings& settings,
                                       Series& series) {
  std::vector<std::uint32_t> blocks = settings.blocks;
  if (blocks.empty()) {
    // One that holds the whole payload is enough.
    const auto whole = std::lower_bound(usual_blocks.begin(), usual_blocks.end(), series.size);
    blocks.assign(usual_blocks.begin(), whole == usual_blocks.end() ? whole : whole + 1);
  }
  std::erase(blocks, baseline_block_bytes);
  Series trial{.pair = series.pair,
               .size = series.size,
               .rows = {},
               .absent = {},
               .sweep = {},
               .best_block_bytes = {},
               .rounds = 0,
               .requests = series.requests,
               .repeats = series.repeats};
  trial.rows.push_back(series.baseline());
  for (const std::uint32_t block : blocks) {
    trial.rows.push_back({Row::Role::best_block, {read_write(), block}, {}});
  }
  for (int round = 0; round < std::min(sweep_rounds, settings.min_rounds); ++round) {
    if (const auto ran = run_round(payload, settings, trial); !ran) return ran;
  }

  double best = 1;
  series.best_block_bytes = baseline_block_bytes;
  for (const Row& row : trial.rows) {
    const SweepPoint point{row.way.block_bytes, compare(row, trial.baseline(), wall_of),
                           compare(row, trial.baseline(), cpu_of)};
    series.sweep.push_back(point);
    const double score = std::sqrt(point.wall.ratio * point.cpu.ratio);
    if (score < best) {
      best = score;
      series.best_block_bytes = row.way.block_bytes;
    }
  }
  std::sort(series.sweep.begin(), series.sweep.end(),
            [](const SweepPoint& a, const SweepPoint& b) { return a.block_bytes < b.block_bytes; });
  return {};
}

std::expected<void, std::string> add_best_block(const Payload& payload, const Settings& settings,
                                                Series& series) {
  // To a file, or from a cold one, the block matters little: there it is tried only when asked for.
  const bool usual = series.pair.is_received() && series.pair.cache == Cache::warm &&
                     wanted(settings, read_write());
  if (!has_blocks(series.pair) || series.requests > 0 || (settings.blocks.empty() && !usual))
    return {};
  if (const auto swept = sweep(payload, settings, series); !swept) return swept;
  const std::uint32_t best = series.best_block_bytes.value_or(baseline_block_bytes);
  if (best == baseline_block_bytes) return {};
  series.rows.insert(series.rows.begin() + 2, {Row::Role::best_block, {read_write(), best}, {}});
  return {};
}

/// Far ahead of the baseline (reflink, say) a run is over in microseconds: how many hundred times
/// it is ahead would never settle, nor matter.
bool narrow_enough(const Series& series, const Ratio& ratio) {
  return ratio.high <= far_ahead || ratio.half_width() <= half_width_wanted(series);
}

bool all_settled(const Series& series) {
  return std::all_of(series.rows.begin(), series.rows.end(),
                     [&](const Row& row) { return is_settled(series, row); });
}

}  // namespace

std::expected<Plan, std::string> plan_runs(const Payload& payload, const Pair& pair) {
  if (is_by_request(pair, payload.size)) return plan_requests(payload, pair);
  Result<Meeting> meeting = arrange(payload, pair);
  if (!meeting) return std::unexpected(meeting.error().message());
  Result<Context> context = Context::create();
  if (!context) return std::unexpected(context.error().message());
  const Result<Ends> ends = open_ends(*context, payload, pair, *meeting, true);
  if (!ends) return std::unexpected(ends.error().message());
  const Costs& costs = payload.costs ? *payload.costs : Costs::shipped();
  return plan(ends->moves.front().source, ends->moves.front().sink, {}, costs);
}

std::string Row::name() const {
  if (role == Role::by_hand) return fmt::format("by hand: {}", name_of(way.by_hand));
  return role == Role::automatic ? "auto" : std::string(way.mechanism.name());
}

std::string Row::label() const {
  std::string text = name();
  if (way.block_bytes != 0) text += " " + short_size(way.block_bytes);
  return role == Role::repeat ? text + " (2)" : text;
}

std::string short_size(std::uint32_t bytes) {
  if (bytes == 0) return "-";
  if (bytes % (1u << 20) == 0) return fmt::format("{}M", bytes >> 20);
  if (bytes % (1u << 10) == 0) return fmt::format("{}K", bytes >> 10);
  return fmt::format("{}", bytes);
}

const Row& Series::best_read_write() const {
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [](const Row& row) { return row.role == Row::Role::best_block; });
  return found == rows.end() ? baseline() : *found;
}

std::vector<std::size_t> order_of_round(std::size_t rows, int round) {
  std::vector<std::size_t> order(rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(static_cast<std::uint64_t>(round / 2));
  // Not std::shuffle: its results differ between standard libraries.
  for (std::size_t left = rows; left > 1; --left)
    std::swap(order[left - 1], order[random() % left]);
  if (round % 2 == 1) std::reverse(order.begin(), order.end());
  return order;
}

double wall_of(const Sample& sample) { return sample.wall_s; }
double cpu_of(const Sample& sample) { return sample.cpu_s(); }
double p99_of(const Sample& sample) { return sample.latency_p99_s.value_or(0); }

double half_width_wanted(const Series& series) {
  return series.size <= small_bytes ? settled_half_width_of_small : settled_half_width;
}

Ratio compare(const Row& row, const Row& baseline, double (*value)(const Sample&)) {
  return paired_ratio(values_of(row, value), values_of(baseline, value));
}

bool is_settled(const Series& series, const Row& row) {
  if (&row == &series.baseline()) return true;  // its ratio to the best is told by that row
  for (const Row* other : {&series.baseline(), &series.best_read_write()}) {
    if (&row == other) continue;
    if (!narrow_enough(series, compare(row, *other, wall_of))) return false;
    if (!narrow_enough(series, compare(row, *other, cpu_of))) return false;
  }
  return true;
}

std::expected<Series, std::string> run_series(const Payload& payload, const Pair& pair,
                                              const Settings& settings) {
  Series series{.pair = pair,
                .size = payload.size,
                .rows = {},
                .absent = {},
                .sweep = {},
                .best_block_bytes = {},
                .rounds = 0,
                .requests = requests_of_run(pair, payload.size),
                .repeats = repeats_of(pair, payload.size)};
  // Who asks also reads the answer.
  if (series.requests > 0) series.pair.receiver = Receiver::copy;
  if (auto listed = list_rows(payload, settings, series); !listed) {
    return std::unexpected(listed.error());
  }
  // A run that does not count: the first one pays for cold code and a fresh file system.
  if (auto first = measure_checked(payload, pair, series.baseline().way); !first) {
    return std::unexpected(
        fmt::format("{}, read_write: {}", describe(pair), first.error().message));
  }
  if (auto added = add_best_block(payload, settings, series); !added) {
    return std::unexpected(added.error());
  }
  while (series.rounds < settings.min_rounds ||
         (series.rounds < settings.max_rounds && !all_settled(series))) {
    if (auto ran = run_round(payload, settings, series); !ran) {
      return std::unexpected(ran.error());
    }
  }
  return series;
}

}  // namespace leat::app::bench
