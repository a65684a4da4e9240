// What a Transfer points to. Lives in memory that its context keeps, and never moves.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <leat/transfer.h>

#include "transfer/engine.h"
#include "transfer/one_call.h"

namespace leat {

/// The ends of a movement, and an engine unless one call may do (see one_call.h).
struct TransferState {
  TransferState(ContextState& home, Source&& from, Sink&& to, const Options& options,
                DriverRights rights);
  ~TransferState();
  TransferState(const TransferState&) = delete;
  TransferState& operator=(const TransferState&) = delete;

  Step step(std::uint64_t limit);
  void cancel();
  void resume(const Options& options);
  bool runnable() const;
  void write_receipt(Receipt& receipt) const;
  std::vector<Source> give_up_stranded();

  /// Goes on with what one call began.
  Engine& carry_on(const OneCall& begun, const Options& options, DriverRights rights);

  ContextState& context;
  TransferState* next = nullptr;  // all transfers of the context are linked
  TransferState* previous = nullptr;
  Source source;
  Sink sink;
  OneCall done;  // if there is no engine: the call that moved everything, or no mechanism yet
  std::optional<Engine> engine;
  std::function<void()> on_runnable;
  std::uint64_t called_in = 0;  // the round in which it was called last
};

}  // namespace leat
