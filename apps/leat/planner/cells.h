/// What the planner is measured on: pairs of ends and lengths, and the ways to move them.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include <leat/costs.h>
#include <leat/mechanism.h>

#include "bench/payload.h"
#include "bench/run.h"

namespace leat::app::planner {

struct Cell {
  bench::Pair pair;
  std::uint64_t size = 0;
};

/// "file to tcp, 64.0 KiB", "file to pipe, cold, 1.00 MiB".
std::string describe(const Cell& cell);

/// What `leat calibrate` measures: every pair at lengths some way apart.
std::vector<Cell> calibration_cells();
/// What `leat bench planner` measures: every pair, lengths up to `largest` that are others than
/// those of the calibration too.
std::vector<Cell> regret_cells(std::uint64_t largest);

/// The kinds of costs that a pair's figures are of.
CostSource cost_source(const bench::Pair& pair) noexcept;
CostSink cost_sink(const bench::Pair& pair) noexcept;

/// The files that cells move, warm and cold. Both may hold more than a cell moves.
struct Files {
  bench::PayloadFile warm;
  bench::PayloadFile cold;
  std::string folder;

  /// Makes both in `folder`. The error is one line.
  static std::expected<Files, std::string> make(const std::string& folder,
                                                const std::vector<Cell>& cells);
  bench::Payload payload_of(const Cell& cell) const;
};

/// The mechanisms that fit a cell, without what cannot be compared with the others here: direct_io,
/// which leaves nothing in the page cache, and what lends memory, which the loopback copies after
/// all. The error is one line.
std::expected<std::vector<Mechanism>, std::string> mechanisms_for(const Files& files,
                                                                  const Cell& cell);

}  // namespace leat::app::planner
