#include "planner/regret.h"

#include <algorithm>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include <fmt/core.h>

#include "bench/requests.h"
#include "bench/rounds.h"

namespace leat::app::planner {
namespace {

/// What runs in every round: the choice, the choice again, and each mechanism.
struct Entry {
  Mechanism forced;  ///< none: the choice
  std::vector<double> wall_s{};
  std::vector<double> cpu_s{};
  std::vector<Mechanism> picked{};
  bool is_out = false;  ///< it refused, or cannot turn out the best: no more rounds
};

constexpr std::size_t choice = 0;
constexpr std::size_t choice_again = 1;

constexpr int rounds_to_judge = 4;

/// What a round has of an entry: the shortest of its runs, as what else the machine does only ever
/// makes them longer. Cold runs wait for the disk, of which there is one; those of thousands of
/// requests are long.
int runs_of(const Cell& cell) {
  if (cell.pair.cache == bench::Cache::cold) return 1;
  return bench::is_by_request(cell.pair, cell.size) ? 3 : 5;
}

std::expected<void, std::string> run(const bench::Payload& payload, const Cell& cell,
                                     Entry& entry) {
  constexpr double resolution_s = 1e-9;  // the kernel may see no CPU time in a short run
  auto sample = bench::measure_checked(payload, cell.pair, {entry.forced, 0});
  for (int again = 1; sample && again < runs_of(cell); ++again) {
    const auto other = bench::measure_checked(payload, cell.pair, {entry.forced, 0});
    if (!other) {
      sample = other;
      break;
    }
    sample->wall_s = std::min(sample->wall_s, other->wall_s);
    if (other->cpu_s() < sample->cpu_s()) {
      sample->user_s = other->user_s;
      sample->system_s = other->system_s;
    }
  }
  if (sample) {
    entry.wall_s.push_back(std::max(sample->wall_s, resolution_s));
    entry.cpu_s.push_back(std::max(sample->cpu_s(), resolution_s));
    entry.picked.push_back(sample->picked);
    return {};
  }
  entry.is_out = sample.error().refused && entry.forced;
  if (entry.is_out) {
    entry.wall_s.clear();  // who refuses is left out of the result
    return {};
  }
  return std::unexpected(fmt::format("{}, {}: {}", describe(cell),
                                     entry.forced ? entry.forced.name() : "auto",
                                     sample.error().message));
}

/// Every second value: those of the rounds that pick, or of those that compare.
std::vector<double> half(std::span<const double> values, bool picks) {
  std::vector<double> chosen;
  for (std::size_t round = picks ? 0 : 1; round < values.size(); round += 2)
    chosen.push_back(values[round]);
  return chosen;
}

using Values = std::vector<double> Entry::*;

bench::Ratio compare(const Entry& measured, const Entry& baseline, Values values) {
  return bench::paired_ratio(half(measured.*values, false), half(baseline.*values, false));
}

double least_median(std::span<const Entry> entries, Values values) {
  double least = std::numeric_limits<double>::infinity();
  for (const Entry& entry : entries) {
    if (!entry.is_out) least = std::min(least, bench::median(entry.*values));
  }
  return least;
}

/// What takes more than twice as long as the best by wall and by CPU time alike will not turn out
/// the best: the time goes to the others. read_write stays, as there is a bound about it.
void dismiss_hopeless(std::span<Entry> rivals) {
  constexpr double hopeless = 2;
  const double wall_s = hopeless * least_median(rivals, &Entry::wall_s);
  const double cpu_s = hopeless * least_median(rivals, &Entry::cpu_s);
  for (Entry& entry : rivals) {
    if (entry.forced.name() == "read_write") continue;
    if (bench::median(entry.wall_s) > wall_s && bench::median(entry.cpu_s) > cpu_s)
      entry.is_out = true;
  }
}

Regret regret_of(std::span<const Entry> entries, Values values) {
  const auto rivals = entries.subspan(choice_again + 1);
  const auto median_of = [values](const Entry& entry) {
    return bench::median(half(entry.*values, true));
  };
  const auto best =
      std::min_element(rivals.begin(), rivals.end(),
                       [&](const Entry& a, const Entry& b) { return median_of(a) < median_of(b); });
  return {best->forced, compare(entries[choice], *best, values)};
}

double spread(std::vector<double> ratios) {
  const double middle = bench::median(ratios);
  return (bench::percentile(ratios, 0.75) - bench::percentile(ratios, 0.25)) / middle;
}

double noise_of(const Entry& one, const Entry& other, Values values) {
  std::vector<double> ratios;
  ratios.reserve((one.*values).size());
  for (std::size_t round = 0; round < (one.*values).size(); ++round)
    ratios.push_back((one.*values)[round] / (other.*values)[round]);
  return spread(std::move(ratios));
}

Mechanism most_picked(const Entry& entry) {
  std::map<std::string_view, std::pair<int, Mechanism>> counts;
  for (const Mechanism each : entry.picked) {
    auto& [count, mechanism] = counts[each.name()];
    ++count;
    mechanism = each;
  }
  return std::max_element(
             counts.begin(), counts.end(),
             [](const auto& a, const auto& b) { return a.second.first < b.second.first; })
      ->second.second;
}

CellResult result_of(const Cell& cell, std::span<const Entry> entries, int rounds) {
  CellResult result{.cell = cell,
                    .picked = most_picked(entries[choice]),
                    .rivals = {},
                    .wall = regret_of(entries, &Entry::wall_s),
                    .cpu = regret_of(entries, &Entry::cpu_s),
                    .wall_to_read_write = {},
                    .cpu_to_read_write = {},
                    .noise = 0,
                    .rounds = rounds};
  const Entry& other = entries[choice_again];
  result.noise = std::max(noise_of(entries[choice], other, &Entry::wall_s),
                          noise_of(entries[choice], other, &Entry::cpu_s));
  for (const Entry& entry : entries.subspan(choice_again + 1)) {
    result.rivals.push_back(entry.forced);
    if (entry.forced.name() != "read_write") continue;
    result.wall_to_read_write = compare(entries[choice], entry, &Entry::wall_s);
    result.cpu_to_read_write = compare(entries[choice], entry, &Entry::cpu_s);
  }
  return result;
}

std::expected<CellResult, std::string> measure_cell(const Files& files, const Cell& cell,
                                                    const RegretSettings& settings) {
  bench::Payload payload = files.payload_of(cell);
  payload.costs = settings.costs;
  const auto mechanisms = mechanisms_for(files, cell);
  if (!mechanisms) return std::unexpected(mechanisms.error());
  std::vector<Entry> entries(choice_again + 1);
  for (const Mechanism each : *mechanisms) entries.push_back({each});
  for (int round = 0; round < settings.rounds; ++round) {
    for (const std::size_t index : bench::order_of_round(entries.size(), round)) {
      if (entries[index].is_out) continue;
      if (const auto ran = run(payload, cell, entries[index]); !ran)
        return std::unexpected(ran.error());
    }
    if (round + 1 == rounds_to_judge)
      dismiss_hopeless(std::span(entries).subspan(choice_again + 1));
  }
  std::erase_if(entries, [](const Entry& entry) { return entry.wall_s.empty(); });
  return result_of(cell, entries, settings.rounds);
}

}  // namespace

bool CellResult::counts() const noexcept { return noise <= most_noise; }

bool RegretSummary::keeps_bounds() const noexcept {
  return above_best.empty() && above_read_write.empty() && median_wall <= most_median_regret &&
         median_cpu <= most_median_regret;
}

std::expected<std::vector<CellResult>, std::string> measure_regret(const RegretSettings& settings) {
  const std::vector<Cell> cells = regret_cells(settings.largest);
  const auto files = Files::make(settings.folder, cells);
  if (!files) return std::unexpected(files.error());
  std::vector<CellResult> results;
  for (const Cell& cell : cells) {
    if (settings.progress) {
      settings.progress(
          fmt::format("{} of {}: {}", results.size() + 1, cells.size(), describe(cell)));
    }
    auto result = measure_cell(*files, cell, settings);
    if (!result) return std::unexpected(result.error());
    results.push_back(std::move(*result));
  }
  return results;
}

RegretSummary summarize(const std::vector<CellResult>& results) {
  RegretSummary summary;
  summary.cells = results.size();
  std::vector<double> wall;
  std::vector<double> cpu;
  for (const CellResult& result : results) {
    if (!result.counts()) {
      summary.uncounted.push_back(&result);
      continue;
    }
    ++summary.counted;
    wall.push_back(result.wall.ratio.ratio - 1);
    cpu.push_back(result.cpu.ratio.ratio - 1);
    if (std::max(result.wall.ratio.low, result.cpu.ratio.low) > most_regret)
      summary.above_best.push_back(&result);
    const bool above =
        (result.wall_to_read_write && result.wall_to_read_write->low > most_to_read_write) ||
        (result.cpu_to_read_write && result.cpu_to_read_write->low > most_to_read_write);
    if (above) summary.above_read_write.push_back(&result);
  }
  summary.median_wall = bench::median(wall);
  summary.median_cpu = bench::median(cpu);
  return summary;
}

}  // namespace leat::app::planner
