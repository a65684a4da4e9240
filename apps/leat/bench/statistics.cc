#include "bench/statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
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

std::vector<double> bootstrap_medians(const std::vector<double>& values) {
  std::mt19937_64 random(20260101);
  std::vector<double> medians;
  medians.reserve(bootstrap_resamples);
  std::vector<double> resample(values.size());
  for (int i = 0; i < bootstrap_resamples; ++i) {
    // Not std::uniform_int_distribution: its results differ between standard libraries.
    for (double& value : resample) value = values[random() % values.size()];
    medians.push_back(median_in_place(resample));
  }
  std::sort(medians.begin(), medians.end());
  return medians;
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

Ratio paired_ratio(std::span<const double> measured, std::span<const double> baseline) {
  assert(measured.size() == baseline.size());
  std::vector<double> ratios;
  ratios.reserve(measured.size());
  for (std::size_t i = 0; i < measured.size(); ++i) {
    assert(measured[i] > 0 && baseline[i] > 0);
    ratios.push_back(measured[i] / baseline[i]);
  }
  if (ratios.empty()) return {1, 0, std::numeric_limits<double>::max()};
  if (ratios.size() == 1) return {ratios[0], 0, std::numeric_limits<double>::max()};
  const std::vector<double> medians = bootstrap_medians(ratios);
  const std::size_t tail = medians.size() / 40;  // 2.5 % on each side
  return {median(ratios), medians[tail], medians[medians.size() - 1 - tail]};
}

}  // namespace leat::app::bench
