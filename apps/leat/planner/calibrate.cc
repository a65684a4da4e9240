#include "planner/calibrate.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "bench/rounds.h"
#include "bench/statistics.h"
#include "planner/cells.h"

namespace leat::app::planner {
namespace {

using Clock = std::chrono::steady_clock;

/// One mechanism in one cell, and what it took in each round.
struct Trial {
  Mechanism mechanism;
  std::vector<double> wall_s{};
  std::vector<double> cpu_s{};
  bool refused = false;
  bool is_out = false;  ///< hopeless: no more rounds
};

/// What is compared.
struct Trials {
  Cell cell;
  std::vector<Trial> ways;
  int rounds = 0;
};

/// Where extents can be shared, both are as fast as the file system makes them.
bool is_calibrated(Mechanism mechanism, bool shares_extents) {
  if (mechanism.name() == "gather" || mechanism.name() == "reflink") return false;
  return !(shares_extents && mechanism.name() == "copy_file_range");
}

std::expected<std::vector<Trials>, std::string> list_trials(const Files& files) {
  std::vector<Trials> all;
  for (const Cell& cell : calibration_cells()) {
    const auto mechanisms = mechanisms_for(files, cell);
    if (!mechanisms) return std::unexpected(mechanisms.error());
    const bool shares_extents = std::ranges::any_of(
        *mechanisms, [](Mechanism mechanism) { return mechanism.name() == "reflink"; });
    Trials trials{cell, {}, 0};
    for (const Mechanism mechanism : *mechanisms) {
      if (is_calibrated(mechanism, shares_extents)) trials.ways.push_back({mechanism});
    }
    all.push_back(std::move(trials));
  }
  return all;
}

std::expected<void, std::string> run(const bench::Payload& payload, const Cell& cell,
                                     Trial& trial) {
  constexpr double least_s = 1e-9;  // of CPU time too short for the kernel to see
  const auto sample = bench::measure_checked(payload, cell.pair, {trial.mechanism, 0});
  if (sample) {
    trial.wall_s.push_back(std::max(sample->wall_s, least_s));
    trial.cpu_s.push_back(std::max(sample->cpu_s(), least_s));
    return {};
  }
  trial.refused = sample.error().refused;
  if (trial.refused) return {};
  return std::unexpected(
      fmt::format("{}, {}: {}", describe(cell), trial.mechanism.name(), sample.error().message));
}

std::vector<double> typical(const Trials& trials, std::vector<double> Trial::* seconds) {
  std::vector<std::vector<double>> ways;
  ways.reserve(trials.ways.size());
  for (const Trial& trial : trials.ways) ways.push_back(trial.*seconds);
  return typical_seconds(ways);
}

/// By what a plan orders by.
void dismiss_hopeless(Trials& trials) {
  const std::vector<double> wall_s = typical(trials, &Trial::wall_s);
  const std::vector<double> cpu_s = typical(trials, &Trial::cpu_s);
  std::vector<double> scores;
  scores.reserve(trials.ways.size());
  for (std::size_t index = 0; index < trials.ways.size(); ++index)
    scores.push_back(std::sqrt(wall_s[index] * cpu_s[index]));
  for (std::size_t index = 0; index < trials.ways.size(); ++index)
    trials.ways[index].is_out = is_hopeless(scores[index], std::ranges::min(scores));
}

/// Each way once, one right after the other.
std::expected<void, std::string> run_round(const Files& files, Trials& trials) {
  constexpr int rounds_to_judge = 2;
  const bench::Payload payload = files.payload_of(trials.cell);
  for (const std::size_t index : bench::order_of_round(trials.ways.size(), trials.rounds)) {
    if (trials.ways[index].is_out) continue;
    if (const auto ran = run(payload, trials.cell, trials.ways[index]); !ran) return ran;
  }
  std::erase_if(trials.ways, [](const Trial& trial) { return trial.refused; });
  // What a disk takes varies too much for that.
  const bool can_tell = trials.cell.pair.cache == bench::Cache::warm;
  if (++trials.rounds == rounds_to_judge && can_tell) dismiss_hopeless(trials);
  return {};
}

Costs costs_of(const std::vector<Trials>& all) {
  constexpr double nanoseconds = 1e9;
  Costs costs;
  costs.kernel = kernel_release();
  costs.cpu = processor_name();
  for (const Trials& trials : all) {
    const std::vector<double> wall_s = typical(trials, &Trial::wall_s);
    const std::vector<double> cpu_s = typical(trials, &Trial::cpu_s);
    for (std::size_t index = 0; index < trials.ways.size(); ++index) {
      costs.add({cost_source(trials.cell.pair), cost_sink(trials.cell.pair),
                 trials.ways[index].mechanism, trials.cell.size, wall_s[index] * nanoseconds,
                 cpu_s[index] * nanoseconds});
    }
  }
  return costs;
}

}  // namespace

std::vector<double> typical_seconds(std::span<const std::vector<double>> ways) {
  std::size_t rounds = 0;
  for (const std::vector<double>& way : ways) rounds = std::max(rounds, way.size());
  std::vector<double> levels(rounds);
  for (std::size_t round = 0; round < rounds; ++round) {
    double logarithms = 0;
    int count = 0;
    for (const std::vector<double>& way : ways) {
      if (way.size() < rounds) continue;
      logarithms += std::log(way[round]);
      ++count;
    }
    levels[round] = std::exp(logarithms / count);
  }
  std::vector<double> typical;
  typical.reserve(ways.size());
  for (const std::vector<double>& way : ways) {
    std::vector<double> shares;
    shares.reserve(way.size());
    for (std::size_t round = 0; round < way.size(); ++round)
      shares.push_back(way[round] / levels[round]);
    typical.push_back(bench::median(shares) * bench::median(levels));
  }
  return typical;
}

bool is_hopeless(double seconds, double best) noexcept {
  constexpr double much_longer = 1.5;
  return seconds > much_longer * best;
}

std::expected<Costs, std::string> calibrate(const Calibration& calibration) {
  const auto began = Clock::now();
  const auto files = Files::make(calibration.folder, calibration_cells());
  if (!files) return std::unexpected(files.error());
  auto trials = list_trials(*files);
  if (!trials) return std::unexpected(trials.error());
  for (int round = 0; round == 0 || Clock::now() - began < calibration.time; ++round) {
    for (const std::size_t index : bench::order_of_round(trials->size(), round)) {
      // One of each is enough to be going on with when the time is up in mid-round.
      if (round > 0 && Clock::now() - began >= calibration.time) break;
      Trials& cell = (*trials)[index];
      if (calibration.progress)
        calibration.progress(fmt::format("round {}: {}", round + 1, describe(cell.cell)));
      if (const auto ran = run_round(*files, cell); !ran) return std::unexpected(ran.error());
    }
  }
  return costs_of(*trials);
}

}  // namespace leat::app::planner
