/// The processes around the mover: one feeds it, one receives what it sends.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "bench/ends.h"
#include "bench/run.h"
#include "os/child_process.h"

namespace leat::app::bench {

/// Forked children of a run, each waiting for the mover. Move-only; the destructor kills them.
class Peers {
 public:
  /// Afterwards the meeting holds no end of a pipe that belongs to one of them alone.
  static Result<Peers> start(const Payload& payload, const Pair& pair, Meeting& meeting);

  /// Lets the feeder begin: bytes that came before the clock started would come for nothing.
  Result<void> go();

  /// A mover that failed may have met the end of a receiver that failed before: then that is the
  /// failure to tell. Waits for it for a second at most.
  Failure explain(Failure failure) const;

  /// Waits for both to end and completes the mover's sample. Fails unless they moved `size` bytes.
  std::expected<void, Failure> finish(Sample& sample, std::uint64_t size,
                                      os::ChildProcess::Deadline deadline);

 private:
  std::optional<os::ChildProcess> feeder_;
  std::optional<os::ChildProcess> receiver_;
};

/// "wrong number of bytes PLACE: …"
Failure mismatch(std::string_view place, std::uint64_t got, std::uint64_t wanted);

}  // namespace leat::app::bench
