#include "transfer/transfer_state.h"

#include <utility>

#include "endpoint/access.h"
#include "os/wait.h"
#include "transfer/connection_state.h"
#include "transfer/context_state.h"

namespace leat {
namespace {

template <class Work>
void for_each_connection(TransferState& transfer, Work work) {
  if (ConnectionState* connection = EndpointAccess::connection(transfer.sink)) work(*connection);
  if (ConnectionState* connection = EndpointAccess::connection(transfer.source)) work(*connection);
  for (const Source& part : transfer.source.parts()) {
    if (ConnectionState* connection = EndpointAccess::connection(part)) work(*connection);
  }
}

}  // namespace

TransferState::TransferState(ContextState& home, Source&& from, Sink&& to, const Options& options,
                             DriverRights rights)
    : context(home), next(home.first), source(std::move(from)), sink(std::move(to)) {
  if (next) next->previous = this;
  context.first = this;
  ++context.transfers;
  for_each_connection(*this, [](ConnectionState& connection) { connection.begin_transfer(); });
  if (!is_one_call(source, sink, options)) engine.emplace(context, source, sink, options, rights);
}

TransferState::~TransferState() {
  engine.reset();
  for_each_connection(*this, [](ConnectionState& connection) { connection.end_transfer(); });
  (previous ? previous->next : context.first) = next;
  if (next) next->previous = previous;
  --context.transfers;
}

// Without an engine the options are the default ones: see is_one_call.
Step TransferState::step(std::uint64_t limit) {
  // Before anything is looked at: an owner's release may run a step of this transfer.
  if (!engine) EndpointAccess::connection(sink)->take_releases();
  if (!engine && !done.mechanism && limit >= source.length()) {
    done = make_one_call(context, *EndpointAccess::connection(sink), source);
    if (!done.is_all_of(source)) {
      carry_on(std::exchange(done, {}), Options{}, {});
      limit -= engine->delivered;
    }
  }
  if (engine || !done.mechanism) {
    if (!engine) engine.emplace(context, source, sink, Options{}, DriverRights{});
    return engine->step(limit);
  }
  Step step;
  step.taken = step.delivered = done.moved.delivered;
  step.state = State::done;
  return step;
}

Engine& TransferState::carry_on(const OneCall& begun, const Options& options, DriverRights rights) {
  if (!engine) engine.emplace(context, source, sink, options, rights);
  engine->carry_on(begun);
  return *engine;
}

void TransferState::cancel() {
  if (done.mechanism) return;
  if (!engine) engine.emplace(context, source, sink, Options{}, DriverRights{});
  engine->cancelled = true;
  // Nobody may be looking at it: it waits for descriptors that stay silent.
  if (engine->runnable()) os::signal_eventfd(context.wakeups);
}

void TransferState::resume(const Options& options) {
  if (engine) engine->resume(options);
}

bool TransferState::runnable() const { return engine && engine->runnable(); }

void TransferState::write_receipt(Receipt& receipt) const {
  if (engine) return engine->write_receipt(receipt);
  if (done.mechanism) done.write_receipt(receipt);
}

std::vector<Source> TransferState::give_up_stranded() {
  return engine ? engine->give_up_stranded() : std::vector<Source>();
}

}  // namespace leat
