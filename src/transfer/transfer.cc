#include <new>
#include <utility>

#include <leat/transfer.h>

#include "endpoint/access.h"
#include "plan/needs.h"
#include "transfer/connection_state.h"
#include "transfer/context_state.h"
#include "transfer/nap.h"
#include "transfer/one_call.h"
#include "transfer/transfer_state.h"

namespace leat {
namespace {

TransferState* make_state(ContextState& context, Source&& source, Sink&& sink,
                          const Options& options, DriverRights rights) {
  return new (context.room_for_transfer())
      TransferState(context, std::move(source), std::move(sink), options, rights);
}

void destroy_state(TransferState* state) noexcept {
  ContextState& context = state->context;
  state->~TransferState();
  context.take_room_back(state);
}

struct DestroyState {
  void operator()(TransferState* state) const noexcept { destroy_state(state); }
};

// However the transfer ends, also by what a callback throws.
struct Uncork {
  Engine& engine;
  ~Uncork() {
    if (engine.corked) engine.push();
  }
};

void drive(ContextState& context, Engine& engine, Receipt& receipt) {
  const Uncork at_end{engine};
  Nap nap(context);
  std::uint64_t waits = 0;
  for (;;) {
    const Step step = engine.step(default_step_limit);
    if (engine.ended()) break;
    if (step.state != State::blocked) continue;
    ++waits;
    if (auto waited = nap.wait_for(step.wait); !waited) {
      engine.fail(std::move(waited.error()));
      break;
    }
  }
  engine.write_receipt(receipt);
  receipt.waits = waits;
}

// A clone of a whole range is one call. Where somebody wants to be heard meanwhile it is bounded:
// the kernel writes the source's dirty pages out first, and each extent takes its time.
constexpr std::uint64_t bounded_sharing = 256 << 20;

DriverRights rights_for(const Options& options) {
  const bool unheard = may_wait(options) && !options.progress;
  return {.may_wait = may_wait(options),
          .sharing_limit = unheard ? to_end : bounded_sharing,
          .steps_on = true};
}

// What one call did not finish, or could not begin.
[[gnu::noinline]] void transfer_rest(ContextState& context, Source& source, Sink& sink,
                                     const Options& options, const OneCall& begun,
                                     Receipt& receipt) {
  const DriverRights rights = rights_for(options);
  const std::unique_ptr<TransferState, DestroyState> state(
      make_state(context, std::move(source), std::move(sink), options, rights));
  drive(context, state->carry_on(begun, options, rights), receipt);
}

// Of the sink's connection, else of the source's.
ContextState* home_of(const Source& source, const Sink& sink) {
  if (const ConnectionState* const connection = EndpointAccess::connection(sink))
    return connection->context;
  const ConnectionState* const connection = EndpointAccess::connection(source);
  return connection ? connection->context : nullptr;
}

[[gnu::noinline]] void transfer_by_engine_or_call(ContextState& home, Source& source, Sink& sink,
                                                  const Options& options, Receipt& receipt) {
  if (!is_one_call(source, sink, options))
    return transfer_rest(home, source, sink, options, {}, receipt);
  EndpointAccess::connection(sink)->take_releases();
  const OneCall made = make_one_call(home, *EndpointAccess::connection(sink), source);
  if (made.is_all_of(source)) [[likely]]
    return made.write_receipt(receipt);
  transfer_rest(home, source, sink, options, made, receipt);
}

[[gnu::noinline]] void carry_message_on(ContextState& home, Source& source, Sink& sink,
                                        const Options& options, std::int64_t answer,
                                        Receipt& receipt) {
  const ConnectionState& connection = *EndpointAccess::connection(sink);
  const Mechanism mechanism = connection.messages.mechanism;
  const Moved moved = MechanismAccess::entry(mechanism).at_once.meaning(answer);
  transfer_rest(home, source, sink, options, {mechanism, moved, connection.messages.cost}, receipt);
}

// What a small message costs beside its system call is a share of it that shows: nothing is done
// here that could be known beforehand.
[[gnu::always_inline]] inline Receipt transfer_in(ContextState& home, Source& source, Sink& sink,
                                                  const Options& options) {
  Receipt receipt;
  ConnectionState* const connection = EndpointAccess::connection(sink);
  const bool is_plain = &options == &default_options() || asks_for_nothing_else(options);
  if (!is_plain || !connection || !connection->is_message(source)) {
    transfer_by_engine_or_call(home, source, sink, options, receipt);
    return receipt;
  }
  connection->take_releases();
  const auto& messages = connection->messages;
  const std::int64_t answer = messages.send(connection->fd, source.bytes());
  if (static_cast<std::uint64_t>(answer) == source.length()) [[likely]] {
    receipt.delivered = source.length();
    receipt.ending = Ending::complete;
    receipt.legs.push_back(OneCall::leg_of(messages.mechanism, messages.cost, source.length(), 1));
  } else {
    carry_message_on(home, source, sink, options, answer, receipt);
  }
  return receipt;
}

}  // namespace

const Options nothing_asked{};

Transfer Transfer::start(Context& context, Source source, Sink sink, const Options& options) {
  return Transfer(
      make_state(ContextAccess::state(context), std::move(source), std::move(sink), options, {}));
}

Transfer& Transfer::operator=(Transfer&& other) noexcept {
  if (this != &other) {
    if (state_) destroy();
    state_ = std::exchange(other.state_, nullptr);
  }
  return *this;
}

void Transfer::destroy() noexcept { destroy_state(std::exchange(state_, nullptr)); }

Step Transfer::step(std::uint64_t limit) { return state_->step(limit); }

void Transfer::cancel() noexcept { state_->cancel(); }

void Transfer::resume(const Options& options) { state_->resume(options); }

bool Transfer::runnable() const noexcept { return state_->runnable(); }

void Transfer::on_runnable(std::function<void()> callback) {
  state_->on_runnable = std::move(callback);
}

Receipt Transfer::receipt() const {
  Receipt receipt;
  state_->write_receipt(receipt);
  return receipt;
}

std::vector<Source> Transfer::stranded() { return state_->give_up_stranded(); }

Receipt transfer(Context& context, Source source, Sink sink, const Options& options) {
  return transfer_in(ContextAccess::state(context), source, sink, options);
}

Receipt transfer(Source source, Sink sink, const Options& options) {
  if (ContextState* const home = home_of(source, sink))
    return transfer_in(*home, source, sink, options);
  auto context = Context::create();
  if (context) return transfer(*context, std::move(source), std::move(sink), options);
  Receipt receipt;
  receipt.ending = Ending::failed;
  receipt.error = std::move(context.error());
  return receipt;
}

}  // namespace leat
