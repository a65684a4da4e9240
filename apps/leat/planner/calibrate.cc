#include "planner/calibrate.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "bench/rounds.h"
#include "planner/cells.h"

namespace leat::app::planner {
namespace {

using Clock = std::chrono::steady_clock;

/// One mechanism in one cell, and what its runs took.
struct Trial {
  Cell cell;
  Mechanism mechanism;
  std::vector<double> wall_s{};
  std::vector<double> cpu_s{};
  bool refused = false;
};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Where extents can be shared, both are as fast as the file system makes them.
bool is_calibrated(Mechanism mechanism, bool shares_extents) {
  constexpr std::array<std::string_view, 4> never{"gather", "zerocopy_send", "uring_send_zc",
                                                  "reflink"};
  return !is_one_of(mechanism.name(), never) &&
         !(shares_extents && mechanism.name() == "copy_file_range");
}

std::expected<std::vector<Trial>, std::string> list_trials(const Files& files) {
  std::vector<Trial> trials;
  for (const Cell& cell : calibration_cells()) {
    const auto mechanisms = mechanisms_for(files, cell);
    if (!mechanisms) return std::unexpected(mechanisms.error());
    const bool shares_extents = std::ranges::any_of(
        *mechanisms, [](Mechanism mechanism) { return mechanism.name() == "reflink"; });
    for (const Mechanism mechanism : *mechanisms) {
      if (is_calibrated(mechanism, shares_extents)) trials.push_back({cell, mechanism});
    }
  }
  return trials;
}

std::expected<void, std::string> run(const Files& files, Trial& trial) {
  const auto sample =
      bench::measure_checked(files.payload_of(trial.cell), trial.cell.pair, {trial.mechanism, 0});
  if (sample) {
    trial.wall_s.push_back(sample->wall_s);
    trial.cpu_s.push_back(sample->cpu_s());
    return {};
  }
  trial.refused = sample.error().refused;
  if (trial.refused) return {};
  return std::unexpected(fmt::format("{}, {}: {}", describe(trial.cell), trial.mechanism.name(),
                                     sample.error().message));
}

/// Disturbances only lengthen what is done in memory. A disk is quick by luck, too.
double typical(const Cell& cell, std::vector<double> seconds) {
  if (cell.pair.cache == bench::Cache::warm) return std::ranges::min(seconds);
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::ranges::nth_element(seconds, middle);
  return *middle;
}

Costs costs_of(const std::vector<Trial>& trials) {
  Costs costs;
  costs.kernel = kernel_release();
  costs.cpu = processor_name();
  for (const Trial& trial : trials) {
    if (trial.refused || trial.wall_s.empty()) continue;
    constexpr double nanoseconds = 1e9;
    constexpr double least = 1;  // of CPU time too short for the kernel to see
    costs.add({cost_source(trial.cell.pair), cost_sink(trial.cell.pair), trial.mechanism,
               trial.cell.size, typical(trial.cell, trial.wall_s) * nanoseconds,
               std::max(typical(trial.cell, trial.cpu_s) * nanoseconds, least)});
  }
  return costs;
}

}  // namespace

std::expected<Costs, std::string> calibrate(const Calibration& calibration) {
  const auto began = Clock::now();
  const auto files = Files::make(calibration.folder, calibration_cells());
  if (!files) return std::unexpected(files.error());
  auto trials = list_trials(*files);
  if (!trials) return std::unexpected(trials.error());
  for (int round = 0; round == 0 || Clock::now() - began < calibration.time; ++round) {
    for (const std::size_t index : bench::order_of_round(trials->size(), round)) {
      Trial& trial = (*trials)[index];
      // One of each is enough to be going on with when the time is up in mid-round.
      if (round > 0 && Clock::now() - began >= calibration.time) break;
      if (trial.refused) continue;
      if (calibration.progress) {
        calibration.progress(fmt::format("round {}: {}, {}", round + 1, describe(trial.cell),
                                         trial.mechanism.name()));
      }
      if (const auto ran = run(*files, trial); !ran) return std::unexpected(ran.error());
    }
  }
  return costs_of(*trials);
}

}  // namespace leat::app::planner
