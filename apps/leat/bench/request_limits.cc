#include "bench/request_limits.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace leat::app::bench {
namespace {

constexpr std::uint64_t least_bytes = 64;
constexpr std::uint64_t most_bytes = 16u << 10;

/// A digit more than in the table: what is asked for is "no worse", by however little.
std::string text_of(std::string_view what, const Ratio& ratio) {
  if (ratio.high > 1e6) return fmt::format("{} {:.3f} [too few]", what, ratio.ratio);
  return fmt::format("{} {:.3f} [{:.3f}-{:.3f}]", what, ratio.ratio, ratio.low, ratio.high);
}

bool is_narrow(const Series& series, const Ratio& ratio) {
  return ratio.half_width() <= half_width_wanted(series);
}

bool is_worse(const Ratio& ratio) { return ratio.low > 1; }

Limit limit_of(const Series& series, const Row& automatic, const Row& by_hand) {
  const Ratio p50 = compare(automatic, by_hand, wall_of);
  const Ratio p99 = compare(automatic, by_hand, p99_of);
  const Ratio cpu = compare(automatic, by_hand, cpu_of);
  const bool p99_counts = is_narrow(series, p99);
  return {fmt::format("auto is not told apart from, or better than, {}: {}, {}{}, {}",
                      by_hand.label(), text_of("p50", p50), text_of("p99", p99),
                      p99_counts ? "" : " (not settled: left out)", text_of("cpu", cpu)),
          !is_worse(p50) && !is_worse(cpu) && !(p99_counts && is_worse(p99)),
          is_narrow(series, p50) && is_narrow(series, cpu)};
}

}  // namespace

const Row* best_by_hand(const Series& series) {
  const auto score = [&](const Row& row) {
    return compare(row, series.baseline(), wall_of).ratio *
           compare(row, series.baseline(), cpu_of).ratio;
  };
  const Row* best = nullptr;
  for (const Row& row : series.rows) {
    if (row.role != Row::Role::by_hand) continue;
    if (!best || score(row) < score(*best)) best = &row;
  }
  return best;
}

std::vector<Limit> check_request_limits(const Series& series) {
  const bool promised = series.requests > 0 && series.pair.source == SourceKind::memory &&
                        series.pair.sink == SinkKind::tcp && series.pair.path == Path::loopback &&
                        series.size >= least_bytes && series.size <= most_bytes;
  if (!promised) return {};
  const auto automatic = std::find_if(series.rows.begin(), series.rows.end(), [](const Row& row) {
    return row.role == Row::Role::automatic;
  });
  const Row* by_hand = best_by_hand(series);
  if (automatic == series.rows.end() || !by_hand) return {};
  return {limit_of(series, *automatic, *by_hand)};
}

}  // namespace leat::app::bench
