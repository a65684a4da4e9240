/// Statistics of noisy measurements: medians, and ratios of runs that were made side by side.
#pragma once

#include <span>

namespace leat::app::bench {

/// The middle value; of an even number of values the mean of the two middle ones. 0 of none.
double median(std::span<const double> values);

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
/// interval is a bootstrap of that median (percentiles of `bootstrap_resamples` resamples, fixed
/// seed: the same values always give the same interval). Values must be above 0; both spans have
/// the same size; one pair or none has no interval: then it is as wide as can be.
Ratio paired_ratio(std::span<const double> measured, std::span<const double> baseline);

inline constexpr int bootstrap_resamples = 4000;

}  // namespace leat::app::bench
