/// `leat bench claims`: what the textbooks say of zero-copy, and what this machine says to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/report.h"

namespace leat::app::bench {

enum class Verdict : std::uint8_t {
  holds,
  fails,           ///< it does not hold here
  depends,         ///< a part of it holds, or it holds under some conditions only
  not_told_apart,  ///< the intervals are too wide to say
  not_measurable,  ///< it needs what is not there: hardware, a permission, a mechanism
};

/// "holds", "fails", …: as in the JSON.
std::string_view name_of(Verdict verdict) noexcept;

/// One claim and its answer. The texts are in plain words, of any length.
struct Claim {
  int number = 0;
  std::string_view text;      ///< what is claimed; static storage
  std::string_view textbook;  ///< the textbook's figures; static storage
  std::string here;           ///< this machine's figures
  Verdict verdict = Verdict::not_measurable;
  std::string why;  ///< the verdict in a sentence
  nlohmann::ordered_json figures = nlohmann::ordered_json::object();
};

/// The claim of the textbook's table with this number, not answered yet.
Claim unanswered(int number);

/// One line of JSON. Its keys are a contract: they may be added to, never renamed.
std::string format_claims_json(const Origin& origin, const std::vector<Claim>& claims);
/// One block a claim, in lines of at most 100 columns.
std::string format_claims(const std::vector<Claim>& claims);

}  // namespace leat::app::bench
