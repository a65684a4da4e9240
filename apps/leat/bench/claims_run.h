/// Measures what the claims need: one series serves several of them.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "bench/claims.h"
#include "bench/rounds.h"

namespace leat::app::bench {

/// Answers all claims of the textbook's table, in its order, with a file of `size` bytes in
/// `folder`. What cannot be had here (a cold file on tmpfs, a veth pair) is said in the answers;
/// the error, one line, is for what no claim can do without. To be called while the program has one
/// thread.
std::expected<std::vector<Claim>, std::string> answer_claims(const std::string& folder,
                                                             std::uint64_t size,
                                                             const Settings& settings);

}  // namespace leat::app::bench
