/// Measuring what moving bytes costs on this host.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <leat/costs.h>

namespace leat::app::planner {

struct Calibration {
  std::string folder;  ///< of the files that are moved
  /// No round begins after this long; the first one is finished in any case.
  std::chrono::seconds time{25};
  std::function<void(std::string_view)> progress{};
};

/// Moves bytes between every pair of ends by every mechanism that fits, in rounds, and takes the
/// typical_seconds() of each; of warm bytes, what is_hopeless() after two rounds has no more. Left
/// out are gather, which is read_write for memory in one piece, and what mechanisms_for() leaves
/// out: what is lent is copied on the loopback, and elsewhere the route decides; and what may share
/// extents, as the file system decides. A mechanism that refuses has no figure. The error is one
/// line.
std::expected<Costs, std::string> calibrate(const Calibration& calibration);

/// What each of several ways takes, one figure a way: `ways` has what each took in every round. The
/// ways of a round run one right after the other, so they are compared within it: a way's figure is
/// its usual share of a round (the median, of the geometric mean of all ways), of the usual round.
/// A host that is slow for a while, or quick, lengthens all ways of a round alike. A way that has
/// fewer rounds than another had the first ones, and the level of each round is of those that had
/// all.
std::vector<double> typical_seconds(std::span<const std::vector<double>> ways);

/// No plan will begin with what takes so much longer than the best, however its figure scatters.
bool is_hopeless(double seconds, double best) noexcept;

/// One row for each pair and length: what the first three mechanisms take, best first.
std::string costs_table(const Costs& costs);
/// The same for scripts, one line.
std::string costs_json(const Costs& costs);
/// A page with one chart for each pair: time over length, one curve a mechanism.
std::string costs_page(const Costs& costs);

}  // namespace leat::app::planner
