/// Statistics of noisy measurements: medians, and ratios of runs that were made side by side.
#pragma once

#include <cstddef>
#include <span>

namespace leat::app::bench {

/// The middle value; of an even number of values the mean of the two middle ones. 0 of none.
double median(std::span<const double> values);

/// The smallest value that at least this share (above 0, at most 1) of all values does not exceed:
/// the nearest rank. 0 of none.
double percentile(std::span<const double> values, double share);

/// The median of the distances from the median. See the median absolute deviation of any textbook.
double median_absolute_deviation(std::span<const double> values);

/// A ratio and its 95 % interval.
struct Ratio {
  double ratio = 1;
  double low = 1;
  double high = 1;

  /// Half the interval's width as a share of the ratio: 0.07 is "± 7 %".
  double half_width() const { return (high - low) / (2 * ratio); }
};

/// The median of measured[i] / baseline[i], where both runs of a pair were made in one round. The
/// interval is that of Wilcoxon's signed ranks over the logarithms of the ratios, widened to hold
/// the median where it does not. It keeps its 95 % also where rounds are added until it is narrow
/// enough; a bootstrap of the median held the truth in 85 to 93 % of such cases. Values must be
/// above 0; both spans have the same size; fewer than `least_pairs` pairs have no such interval:
/// then it is as wide as can be. Time and memory grow with the square of the number of pairs.
Ratio paired_ratio(std::span<const double> measured, std::span<const double> baseline);

/// Of five pairs, all the same way: 1 in 16 by chance alone.
inline constexpr std::size_t least_pairs = 6;

}  // namespace leat::app::bench
