// What an Opening points to.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <leat/keeper.h>
#include <leat/opening.h>

#include "os/ring_records.h"
#include "transfer/context_state.h"

namespace leat {

struct OpeningState {
  OpeningState(ContextState& home, std::string name);
  ~OpeningState();
  OpeningState(const OpeningState&) = delete;
  OpeningState& operator=(const OpeningState&) = delete;

  Result<std::optional<OwnedFd>> take();
  bool runnable() const noexcept;

  ContextState& context;
  OpeningState* next;  // all openings of the context are linked
  OpeningState* previous = nullptr;
  std::function<void()> on_runnable;
  std::uint64_t called_in = 0;  // the round in which it was called last

 private:
  Result<std::optional<OwnedFd>> ask(int flags);
  Result<std::optional<OwnedFd>> take_answer();
  void let_go() noexcept;

  Kept<const std::string> path_;              // whoever opens it may outlive this
  os::RingOperation* operation_ = nullptr;    // others are opening it
  std::optional<std::uint64_t> awaits_room_;  // the count of finished operations then
};

}  // namespace leat
