// What Options and a sink ask of every part of a transfer.
#pragma once

#include "os/route.h"
#include "plan/rank.h"

namespace leat {

/// True if the blocking `transfer` may wait inside the kernel: nothing asks it to be back in time.
inline bool may_wait(const Options& options) {
  return !options.deadline && !options.stop.stop_possible() && options.rate_limit == 0;
}

/// Asks the sink's network device only where copies are forbidden.
inline Needs needs_of(const Options& options, const Sink& sink, const Costs& costs) {
  Needs needs{.forced = options.mechanism,
              .copies_forbidden = options.copies == Copies::forbid,
              .pages_are_taken = {},
              .snapshot = options.consistency == Consistency::snapshot,
              .witness = static_cast<bool>(options.witness),
              .costs = &costs};
  if (needs.copies_forbidden && sink.kind() == Kind::socket) {
    if (const auto taken = os::takes_scattered_pages(sink.fd())) needs.pages_are_taken = *taken;
  }
  return needs;
}

}  // namespace leat
