/// Claims that put mechanisms in an order, against the order that was measured.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/claims.h"
#include "bench/rounds.h"

namespace leat::app::bench {

/// What one mechanism cost, a value a round: seconds, microseconds; less is better, above 0.
struct Contender {
  std::string mechanism;
  std::vector<double> costs;
};

/// Mechanisms that took turns in the same rounds, the one that others are compared with first.
struct Condition {
  std::string name;  ///< "file to TCP, warm"
  std::vector<Contender> contenders;
};

/// The rows of a series, the repeat of its baseline left out.
Condition condition_of(std::string name, const Series& series, double (*value)(const Sample&));

/// Answers a claim whose textbook names an order, `claimed`, the best first. Under each condition
/// all pairs of those that were measured count; what was not measured is named.
Claim answer_order(int number, std::span<const std::string_view> claimed,
                   const std::vector<Condition>& conditions);

}  // namespace leat::app::bench
