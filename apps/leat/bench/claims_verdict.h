/// What a measured interval says to a textbook's figure. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/claims.h"
#include "bench/claims_textbook.h"
#include "bench/statistics.h"

namespace leat::app::bench {

/// Textbook figures are round: a fifth more or less is the same figure.
Band around(double figure) noexcept;

enum class Agreement : std::uint8_t {
  agrees,          ///< all of the interval lies within the band
  below,           ///< all of it lies below
  above,           ///< all of it lies above
  not_told_apart,  ///< it reaches from inside to outside, or over the whole band
};

std::string_view name_of(Agreement agreement) noexcept;

Agreement compare_to(const Ratio& measured, const Band& claimed) noexcept;

/// Of a claim made of several figures: holds if all agree, fails if all differ, depends if some do
/// and others do not. Figures that are not told apart leave it undecided where they could change
/// that. None at all are not measurable.
Verdict judge(std::span<const Agreement> figures) noexcept;

/// One figure of a claim by its name, for the sentence.
struct NamedAgreement {
  std::string name;
  Agreement agreement = Agreement::not_told_apart;
};

/// The same of figures that have names.
Verdict judge(const std::vector<NamedAgreement>& figures);

/// "as claimed: sendfile wall, splice cpu; less than claimed: …": groups that are empty left out.
/// `below` and `above` are the words for these, e.g. "less than claimed".
std::string say(const std::vector<NamedAgreement>& figures, std::string_view below,
                std::string_view above);

/// Two neighbours of an order, or any two of it: is the first really the better one?
enum class Preference : std::uint8_t { first, second, tie };

/// `cost` is the first's cost to the second's: time, CPU time. An interval that holds 1 is a tie.
Preference prefer(const Ratio& cost) noexcept;

/// Of a claimed order, all of its pairs: fails if one is the other way round; holds if every pair
/// is as claimed; not told apart if all are ties; else it holds as far as it can be told: depends.
Verdict judge_order(std::span<const Preference> pairs) noexcept;

/// The same claim under several conditions: what they agree on, else depends. Those that are not
/// measurable do not count.
Verdict combine(std::span<const Verdict> conditions) noexcept;

}  // namespace leat::app::bench
