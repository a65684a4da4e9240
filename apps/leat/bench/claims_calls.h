/// Claim 3: how often a program goes into the kernel and back for each piece that it moves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/claims.h"
#include "bench/run.h"

namespace leat::app::bench {

/// Of one transfer of one piece of a file, over a connection that has carried one before.
struct PieceCalls {
  std::string_view mechanism;
  std::uint64_t counted = 0;      ///< those that moved bytes, as the receipt says
  std::vector<std::string> seen;  ///< all that the process made, by name
  std::string problem;            ///< why they could not be seen; empty if they were
  std::string refusal;            ///< why nothing was moved; empty if it was

  /// Two for each call: into the kernel and back.
  std::uint64_t switches() const { return 2 * (problem.empty() ? seen.size() : counted); }
};

/// What a piece is here: it fits into a socket that nobody reads from.
std::uint64_t piece_bytes(const Payload& payload) noexcept;

/// One for each mechanism that the textbooks count, by ptrace(2). To be called while the program
/// has one thread. Errors: EMFILE and the like.
Result<std::vector<PieceCalls>> count_piece_calls(const Payload& payload);

Claim answer_switches(const std::vector<PieceCalls>& pieces, std::uint64_t bytes);

}  // namespace leat::app::bench
