#include <new>
#include <utility>

#include <leat/context.h>

#include "os/wait.h"
#include "transfer/context_state.h"
#include "transfer/opening_state.h"
#include "transfer/transfer_state.h"

namespace leat {
namespace {

// What one context links: its transfers, and its openings.
template <class Linked>
bool is_any_runnable(const Linked* first) noexcept {
  for (const Linked* each = first; each; each = each->next) {
    if (each->runnable()) return true;
  }
  return false;
}

template <class Linked>
Linked* next_to_call(Linked* first, std::uint64_t round) noexcept {
  for (Linked* each = first; each; each = each->next) {
    if (each->called_in != round && each->on_runnable && each->runnable()) return each;
  }
  return nullptr;
}

// A callback may step, end or destroy any of them, so the walk begins anew after each.
template <class Linked>
void call_runnable(Linked* const& first, std::uint64_t round) {
  while (Linked* const each = next_to_call(first, round)) {
    each->called_in = round;
    const auto callback = std::exchange(each->on_runnable, nullptr);
    callback();
  }
}

}  // namespace

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
  call_runnable(first, round);
  call_runnable(first_opening, round);
}

void ContextState::poll() {
  collect();
  if (any_runnable()) os::signal_eventfd(wakeups);
}

bool ContextState::any_runnable() const noexcept {
  return is_any_runnable(first) || is_any_runnable(first_opening);
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
          .operations = state_->ring.in_flight() + state_->reads.in_flight(),
          .registered_bytes = state_->ring.registered_bytes(),
          .registered_operations = state_->ring.registered_operations()};
}

Result<void> Context::register_blocks(Pool& pool) {
  PoolState& blocks = PoolAccess::state(pool);
  if (state_->registered.has(blocks)) return {};
  // Nothing is mapped for a ring that is not to be had.
  if (auto opened = state_->ring.open(); !opened) return opened;
  if (auto mapped = blocks.map_all(); !mapped) return mapped;
  auto kept = blocks.keep();
  if (auto done = state_->ring.register_memory(blocks.stretches(), kept); !done) return done;
  state_->registered.add(std::move(kept));
  return {};
}

}  // namespace leat
