/// Measuring what moving bytes costs on this host.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include <leat/costs.h>

namespace leat::app::planner {

struct Calibration {
  std::string folder;  ///< of the files that are moved
  /// No round begins after this long; the first one is finished in any case.
  std::chrono::seconds time{25};
  std::function<void(std::string_view)> progress{};
};

/// Moves bytes between every pair of ends by every mechanism that fits, in rounds, and takes the
/// shortest of each: what else runs on the host only adds. Left out are gather, which is read_write
/// for memory in one piece, and what lends memory: on the loopback that is copied after all, and
/// elsewhere the route decides; and what may share extents, as the file system decides. A mechanism
/// that refuses has no figure. The error is one line.
std::expected<Costs, std::string> calibrate(const Calibration& calibration);

/// One row for each pair and length: what the first three mechanisms take, best first.
std::string costs_table(const Costs& costs);
/// The same for scripts, one line.
std::string costs_json(const Costs& costs);
/// A page with one chart for each pair: time over length, one curve a mechanism.
std::string costs_page(const Costs& costs);

}  // namespace leat::app::planner
