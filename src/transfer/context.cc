#include <new>
#include <utility>

#include <leat/context.h>

#include "os/wait.h"
#include "transfer/context_state.h"
#include "transfer/transfer_state.h"

namespace leat {

ContextState::~ContextState() {
  while (rooms_) {
    void* room = std::exchange(rooms_, rooms_->next);
    ::operator delete(room, std::align_val_t{alignof(TransferState)});
  }
}

void* ContextState::room_for_transfer() {
  if (rooms_) return std::exchange(rooms_, rooms_->next);
  return ::operator new(sizeof(TransferState), std::align_val_t{alignof(TransferState)});
}

void ContextState::take_room_back(void* room) noexcept { rooms_ = new (room) Room{rooms_}; }

void ContextState::collect() {
  os::drain_eventfd(wakeups);
  ring.reap();
  reads.reap();
  quarantine.drain();
  ++round;
  // A callback may step, end or destroy transfers, so the walk begins anew after each.
  while (TransferState* transfer = next_to_call()) {
    transfer->called_in = round;
    const auto callback = std::exchange(transfer->on_runnable, nullptr);
    callback();
  }
}

TransferState* ContextState::next_to_call() const noexcept {
  for (TransferState* transfer = first; transfer; transfer = transfer->next) {
    if (transfer->called_in != round && transfer->on_runnable && transfer->runnable())
      return transfer;
  }
  return nullptr;
}

void ContextState::poll() {
  collect();
  if (any_runnable()) os::signal_eventfd(wakeups);
}

bool ContextState::any_runnable() const noexcept {
  for (const TransferState* transfer = first; transfer; transfer = transfer->next) {
    if (transfer->runnable()) return true;
  }
  return false;
}

Context::Context(std::unique_ptr<ContextState> state) noexcept : state_(std::move(state)) {}
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;
Context::~Context() = default;

Result<Context> Context::create(ContextOptions options) {
  auto wakeups = os::make_eventfd();
  if (!wakeups) return std::unexpected(wakeups.error());
  return Context(std::make_unique<ContextState>(std::move(options), std::move(*wakeups)));
}

FdRef Context::fd() const noexcept { return state_->wakeups; }

void Context::poll() { state_->poll(); }

void Context::wake() const noexcept { os::signal_eventfd(state_->wakeups); }

ContextCounters Context::counters() const noexcept {
  return {.stranded_bytes = state_->stranded_bytes,
          .transfers = state_->transfers,
          .pipes_open = state_->pipes.open_pipes(),
          .pipe_bytes = state_->pipes.capacity_bytes(),
          .lent_bytes = state_->lent.lent,
          .quarantined_bytes = state_->quarantine.bytes(),
          .abandoned_bytes = state_->quarantine.abandoned_bytes(),
          .operations = state_->ring.in_flight() + state_->reads.in_flight()};
}

}  // namespace leat
