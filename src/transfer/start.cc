#include "endpoint/access.h"
#include "os/descriptor.h"
#include "os/socket.h"
#include "os/usage.h"
#include "os/wait.h"
#include "plan/needs.h"
#include "transfer/connection_state.h"
#include "transfer/context_state.h"
#include "transfer/engine.h"

namespace leat {
namespace {

bool can_block(Kind kind) {
  return kind == Kind::socket || kind == Kind::pipe || kind == Kind::device;
}

// A file part whose size is looked up now, so that its forerunner knows what follows.
Result<void> promise_length(Source& part, Disk disk) {
  if (part.kind() != Kind::file || part.length() != to_end) return {};
  const auto facts = facts_of(part, false, disk);
  if (!facts) return std::unexpected(facts.error());
  EndpointAccess::set_length(part, facts->promised);
  return {};
}

}  // namespace

Engine::Engine(ContextState& home, Source& from, Sink& to, const Options& wishes,
               DriverRights given)
    : context(home),
      options(wishes),
      rights(given),
      source(from),
      composite(EndpointAccess::is_composite(source)),
      sink(to),
      sink_connection(EndpointAccess::connection(sink)) {
  prepare();
}

Engine::~Engine() {
  stop_callback.reset();
  if (!ended()) wind_up();
  if (awaits_release) --sink_connection->awaiting_release;
  context.stranded_bytes += stranded_bytes();
}

void Engine::prepare() {
  if (options.measure) usage_at_start = os::process_usage();
  if (options.rate_limit) pace.set(options.rate_limit);
  const bool closable = sink.owned() || (sink_connection && sink_connection->owned.valid());
  if (options.at_end == AtEnd::close && !closable) {
    return fail({.code = make_error_code(Errc::not_owned),
                 .operation = "plan",
                 .mechanism = {},
                 .subject = "sink",
                 .hint = "hand over an OwnedFd, or a Connection that owns its socket"});
  }
  if (const auto looked = look_at_ends(); !looked) return fail(looked.error());
  if (options.stop.stop_possible()) watch_stop_token();
}

// Not of a file that is to be secured yet: its length is that of what is then sent.
Result<void> Engine::promise_lengths() {
  if (!composite) return {};
  for (Source& each : parts()) {
    if (auto promised = promise_length(each, options.disk); !promised) return promised;
  }
  return {};
}

Result<void> Engine::look_at_ends() {
  sink_fd = sink_connection ? sink_connection->fd : sink.fd();  // which may have been closed since
  // Where a filter denies it, the facts show a descriptor that is still blocking.
  if (sink.owned() && can_block(sink.kind())) {
    [[maybe_unused]] const auto denied = os::set_nonblocking(sink_fd);
  }
  for (const Source& each : parts()) {
    if (!each.owned() || !can_block(each.kind())) continue;
    [[maybe_unused]] const auto denied = os::set_nonblocking(each.fd());
  }
  if (options.consistency == Consistency::live) {
    if (auto promised = promise_lengths(); !promised) return promised;
  }
  if (sink_connection) {
    sink_facts = sink_connection->facts;
    // What is lent is counted, and its verdicts gathered, where the connection lives.
    if (sink_connection->context != &context) sink_facts.lendable = false;
  } else {
    const auto facts_of_sink = facts_of(sink);
    if (!facts_of_sink) return std::unexpected(facts_of_sink.error());
    sink_facts = *facts_of_sink;
    // Until its orderly end, an owned connection that is closed is one that was cut off.
    if (sink.owned() && sink_facts.tcp) {
      if (auto set = os::reset_on_close(sink_fd, true); !set) return set;
    }
  }
  if (rights.may_wait && sink_facts.waiting != Waiting::never) {
    sink_facts.waiting = Waiting::allowed;
  } else if (auto own = own_description(sink.kind(), sink_facts.waiting, sink_fd, false)) {
    sink_description = std::move(*own);
    sink_fd = sink_description;
    sink_facts.waiting = Waiting::never;
  }
  needs = needs_of(options, sink, context.costs());
  return {};
}

void Engine::OnStop::operator()() const noexcept {
  // On whatever thread: the flag first, then the wake-up that makes somebody look at it.
  engine->stop_requested.store(true, std::memory_order_release);
  os::signal_eventfd(engine->context.wakeups);
}

void Engine::watch_stop_token() { stop_callback.emplace(options.stop, OnStop{this}); }

}  // namespace leat
