/// Small pieces that the answers to the claims are put together from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/rounds.h"
#include "bench/statistics.h"

namespace leat::app::bench {

/// {"ratio":…,"low":…,"high":…}; a bound that is not known (one pair has none) is null.
nlohmann::ordered_json ratio_json(const Ratio& ratio);

/// "30 [28-32]": in hundredths, as the textbooks count; "30 [too few runs]" without an interval.
std::string percent_text(const Ratio& ratio);
/// "2.1 [2.0-2.2]"
std::string times_text(const Ratio& ratio);

/// How many times as fast: the ratio of rates where `cost` is one of times.
Ratio speed_of(const Ratio& cost);

/// Empty pieces are left out.
std::string join(const std::vector<std::string>& pieces, std::string_view between);

/// Seconds of each round, at least what a clock can tell apart.
std::vector<double> costs_of(const Row& row, double (*value)(const Sample&));

/// The row of this mechanism, its baseline for read_write; null if there is none.
const Row* row_of(const Series& series, std::string_view mechanism);

}  // namespace leat::app::bench
