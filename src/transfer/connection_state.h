// What a Connection holds.
#pragma once

#include <cstdint>

#include <leat/connection.h>

#include "endpoint/facts.h"
#include "plan/rank.h"

namespace leat {

struct ContextState;

struct ConnectionState {
  ContextState* context = nullptr;
  FdRef fd;
  OwnedFd owned;
  bool reset_unless_ended = false;
  bool close_when_idle = false;
  std::uint32_t transfers = 0;    // that use it now, in either direction
  std::uint32_t closed_ways = 0;  // bit i: mechanism i refused as a way out of a file, memory, …
  SinkFacts facts;
  Mechanism chosen_for_memory;  // by the last plan without special wishes; none: plan anew
  Mechanism chosen_for_file;

  void begin_transfer() noexcept { ++transfers; }
  void end_transfer() noexcept;
  void close_now() noexcept;
  /// The stream has come to an orderly end: closing is no longer a reset.
  void ended_orderly() noexcept;
  /// `mechanism` refused: it is not tried again on this connection.
  void close_way(Mechanism mechanism) noexcept;
};

struct ConnectionAccess {
  static ConnectionState& state(Connection& connection) noexcept { return *connection.state_; }
};

}  // namespace leat
