#include "bench/statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace leat::app::bench {

namespace {

/// Sorts what it is given; the callers have no use for the order.
double median_in_place(std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// The largest k for which the rank sum of as many as `pairs` values, each above the middle or
/// below it by chance, is less than k in at most 2.5 % of all cases; 0 if there is none. The
/// distribution of Wilcoxon's signed-rank statistic, counted out; of many pairs the normal one,
/// which it nears.
std::size_t wilcoxon_rank(std::size_t pairs) {
  if (pairs > 100) {
    const double n = static_cast<double>(pairs);
    const double deviation = std::sqrt(n * (n + 1) * (2 * n + 1) / 24);
    return static_cast<std::size_t>(n * (n + 1) / 4 - 1.959964 * deviation);
  }
  const std::size_t largest = pairs * (pairs + 1) / 2;
  std::vector<double> chance(largest + 1);  // of each sum of the ranks that are above
  chance[0] = 1;
  for (std::size_t rank = 1; rank <= pairs; ++rank) {
    for (std::size_t sum = largest + 1; sum-- > 0;) {
      chance[sum] = (chance[sum] + (sum >= rank ? chance[sum - rank] : 0)) / 2;
    }
  }
  std::size_t k = 0;
  double below = chance[0];
  while (below <= 0.025) below += chance[++k];  // ends: all of them together are 1
  return k;
}

/// Of all pairs of values, each with itself too.
std::vector<double> pairwise_means(const std::vector<double>& values) {
  std::vector<double> means;
  means.reserve(values.size() * (values.size() + 1) / 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = i; j < values.size(); ++j) means.push_back((values[i] + values[j]) / 2);
  }
  return means;
}

double nth_smallest(std::vector<double>& values, std::size_t index) {
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(index);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

}  // namespace

double median(std::span<const double> values) {
  std::vector<double> copy(values.begin(), values.end());
  return median_in_place(copy);
}

double median_absolute_deviation(std::span<const double> values) {
  const double middle = median(values);
  std::vector<double> distances;
  distances.reserve(values.size());
  for (const double value : values) distances.push_back(std::abs(value - middle));
  return median_in_place(distances);
}

double percentile(std::span<const double> values, double share) {
  if (values.empty()) return 0;
  std::vector<double> copy(values.begin(), values.end());
  const double rank = std::ceil(share * static_cast<double>(copy.size()));
  return nth_smallest(copy, static_cast<std::size_t>(std::max(rank, 1.0)) - 1);
}

Ratio paired_ratio(std::span<const double> measured, std::span<const double> baseline) {
  assert(measured.size() == baseline.size());
  std::vector<double> ratios;
  ratios.reserve(measured.size());
  for (std::size_t i = 0; i < measured.size(); ++i) {
    assert(measured[i] > 0 && baseline[i] > 0);
    ratios.push_back(measured[i] / baseline[i]);
  }
  const double middle = ratios.empty() ? 1 : median(ratios);
  const std::size_t rank = ratios.size() < least_pairs ? 0 : wilcoxon_rank(ratios.size());
  if (rank == 0) return {middle, 0, std::numeric_limits<double>::max()};
  // Of logarithms: twice as long and half as long are equally far from the same.
  for (double& ratio : ratios) ratio = std::log(ratio);
  std::vector<double> means = pairwise_means(ratios);
  const double low = std::exp(nth_smallest(means, rank - 1));
  const double high = std::exp(nth_smallest(means, means.size() - rank));
  return {middle, std::min(low, middle), std::max(high, middle)};
}

}  // namespace leat::app::bench
