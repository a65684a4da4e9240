// What a Context holds.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <leat/context.h>

#include "buffer/block_pool.h"
#include "buffer/loans.h"
#include "buffer/pipe_pool.h"
#include "buffer/registered_pools.h"
#include "buffer/verdicts.h"
#include "os/file_reads.h"
#include "os/ring.h"
#include "os/route.h"
#include "transfer/quarantine.h"
#include "transfer/refused_pairs.h"

namespace leat {

struct OpeningState;
struct TransferState;

struct ContextState {
  explicit ContextState(ContextOptions given, OwnedFd eventfd)
      : options(std::move(given)),
        wakeups(std::move(eventfd)),
        pipes(options.pipe_budget_bytes),
        lent{.limit = options.lent_budget_bytes},
        ring(wakeups, options.ring),
        reads(ring, wakeups, options.disk_threads) {}
  ~ContextState();

  /// To rank by.
  const Costs& costs() const noexcept { return options.costs ? *options.costs : Costs::shipped(); }

  ContextOptions options;
  OwnedFd wakeups;
  BlockPool blocks;
  RegisteredPools registered;
  PipePool pipes;
  LentBudget lent;
  Verdicts verdicts;
  os::Ring ring;        // its last completions are told to `verdicts`
  os::FileReads reads;  // by the ring's workers, or helper threads
  RefusedPairs refused_pairs;
  os::LendingRoutes lending_routes;
  Quarantine quarantine;      // of closed connections that have lent memory
  std::vector<iovec> pieces;  // of memory, for the step at work
  std::uint64_t stranded_bytes = 0;
  std::uint64_t transfers = 0;
  std::uint64_t round = 0;                // of collect(): each transfer is called once in one
  TransferState* first = nullptr;         // all transfers alive, linked through themselves
  OpeningState* first_opening = nullptr;  // the same

  /// Memory for a TransferState, kept from earlier ones: steady state allocates nothing.
  void* room_for_transfer();
  void take_room_back(void* room) noexcept;

  /// Makes fd() unreadable, takes what the ring completed, and calls `on_runnable` of every
  /// transfer that became runnable.
  void collect();
  bool any_runnable() const noexcept;
  /// As Context::poll.
  void poll();

 private:
  struct Room {
    Room* next;
  };
  Room* rooms_ = nullptr;  // free ones, linked through themselves
};

struct ContextAccess {
  static ContextState& state(Context& context) noexcept { return *context.state_; }
};

}  // namespace leat
