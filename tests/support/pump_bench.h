// One pump between two ends, stepped by hand.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <ostream>
#include <span>
#include <string_view>
#include <vector>

#include "mechanism/mechanism.h"

namespace leat::testing {

/// Its members are what the next step is told. Descriptors are lent.
struct PumpBench {
  /// The facts are looked up.
  PumpBench(std::string_view mechanism, const Source& from_end, const Sink& to_end,
            const Tuning& tuning = {}, std::uint64_t pipe_budget_bytes = 64u << 20);

  /// Not more than `bytes` either way; `offsets` then go on by what was moved.
  Moved step(std::uint64_t bytes, bool more_follows = false);
  Moved step(const Allowance& allowance);
  Residue surrender();

  Resources resources_with(os::SigpipeGuard& guard);

  BlockPool blocks;
  PipePool pipes;
  OwnedFd wakeups;  ///< of the ring
  LentBudget lent{.limit = 64u << 20};
  Verdicts verdicts;
  os::Ring ring{wakeups, RingUse::thread_bound};
  Loans loans{lent, verdicts};
  std::uint64_t ticket = 0;
  SourceFacts source;
  SinkFacts sink;
  FdRef from;
  FdRef to;
  std::uint64_t from_offset = 0;
  std::uint64_t to_offset = 0;
  std::vector<iovec> memory;
  std::vector<Keeper> keepers;
  std::span<std::byte> room;
  Sigpipe sigpipe = Sigpipe::guarded;
  PumpSlot slot;
};

/// Whether `mechanism` fits these facts, and what it says.
Fit fit_of(std::string_view mechanism, const SourceFacts& source, const SinkFacts& sink);

}  // namespace leat::testing

namespace leat {
void PrintTo(Moved::Outcome outcome, std::ostream* out);
}  // namespace leat
