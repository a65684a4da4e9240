/// What leat's own choice costs beside the best mechanism there is, cell by cell.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <leat/costs.h>
#include <leat/mechanism.h>

#include "bench/statistics.h"
#include "planner/cells.h"

namespace leat::app::planner {

/// The choice beside one mechanism, in the rounds that did not pick it.
struct Regret {
  Mechanism best;  ///< with the least median in the other rounds
  bench::Ratio ratio;
};

struct CellResult {
  Cell cell;
  Mechanism picked;               ///< by leat, in most runs
  std::vector<Mechanism> rivals;  ///< every mechanism that was forced
  Regret wall;
  Regret cpu;
  std::optional<bench::Ratio> wall_to_read_write;  ///< of the choice; nothing: it does not fit
  std::optional<bench::Ratio> cpu_to_read_write;
  double noise = 0;  ///< the choice beside itself: interquartile range by median, wall or CPU
  int rounds = 0;

  /// Quiet enough to be held against the bounds.
  bool counts() const noexcept;
};

/// The bounds: an interval that lies wholly above one breaks it.
inline constexpr double most_regret = 1.15;
inline constexpr double most_to_read_write = 1.05;
inline constexpr double most_median_regret = 0.03;
inline constexpr double most_noise = 0.10;

struct RegretSettings {
  std::string folder;
  std::uint64_t largest = 1ull << 30;  ///< no cell moves more
  int rounds = 16;                     ///< even: half of them pick the best, the others compare
  std::shared_ptr<const Costs> costs;  ///< null: as shipped
  std::function<void(std::string_view)> progress;
};

/// In each round of a cell the choice runs twice and every mechanism once, in random order; one
/// that takes more than twice as long as another in the first rounds sits out the rest. The error
/// is one line.
std::expected<std::vector<CellResult>, std::string> measure_regret(const RegretSettings& settings);

struct RegretSummary {
  std::size_t cells = 0;
  std::size_t counted = 0;
  double median_wall = 0;  ///< 0.02: 2 % more than the best, of those counted
  double median_cpu = 0;
  std::vector<const CellResult*> above_best;        ///< counted, beyond `most_regret`
  std::vector<const CellResult*> above_read_write;  ///< counted, beyond `most_to_read_write`
  std::vector<const CellResult*> uncounted;

  bool keeps_bounds() const noexcept;
};
RegretSummary summarize(const std::vector<CellResult>& results);

}  // namespace leat::app::planner
