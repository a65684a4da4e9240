#include "bench/claims_text.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

namespace leat::app::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr double unknown = std::numeric_limits<double>::max();

std::string with_interval(const Ratio& ratio, double unit, int digits) {
  if (ratio.low <= 0 || ratio.high >= unknown) {
    return fmt::format("{:.{}f} [too few runs]", ratio.ratio * unit, digits);
  }
  return fmt::format("{:.{}f} [{:.{}f}-{:.{}f}]", ratio.ratio * unit, digits, ratio.low * unit,
                     digits, ratio.high * unit, digits);
}

}  // namespace

Json ratio_json(const Ratio& ratio) {
  const bool known = ratio.low > 0 && ratio.high < unknown;
  return {{"ratio", ratio.ratio},
          {"low", known ? Json(ratio.low) : Json()},
          {"high", known ? Json(ratio.high) : Json()}};
}

std::string percent_text(const Ratio& ratio) { return with_interval(ratio, 100, 0); }

std::string times_text(const Ratio& ratio) {
  return with_interval(ratio, 1, ratio.ratio < 10 ? 2 : 0);
}

Ratio speed_of(const Ratio& cost) {
  const bool known = cost.low > 0 && cost.high < unknown;
  if (!known) return {1 / cost.ratio, 0, unknown};
  return {1 / cost.ratio, 1 / cost.high, 1 / cost.low};
}

std::string join(const std::vector<std::string>& pieces, std::string_view between) {
  std::string text;
  for (const std::string& piece : pieces) {
    if (!text.empty() && !piece.empty()) text += between;
    text += piece;
  }
  return text;
}

std::vector<double> costs_of(const Row& row, double (*value)(const Sample&)) {
  constexpr double resolution_s = 1e-6;
  std::vector<double> costs;
  costs.reserve(row.samples.size());
  for (const Sample& sample : row.samples) costs.push_back(std::max(value(sample), resolution_s));
  return costs;
}

const Row* row_of(const Series& series, std::string_view mechanism) {
  const auto found = std::find_if(series.rows.begin(), series.rows.end(), [&](const Row& row) {
    return row.role != Row::Role::repeat && row.name() == mechanism;
  });
  return found == series.rows.end() ? nullptr : &*found;
}

}  // namespace leat::app::bench
