#include <cstddef>
#include <string>
#include <utility>

#include <leat/plan.h>

#include "endpoint/access.h"
#include "endpoint/hold.h"
#include "os/route.h"
#include "plan/needs.h"
#include "plan/plan.h"
#include "transfer/connection_state.h"

namespace leat {
namespace {

const Source* first_part(const Source& source) {
  const auto parts = source.parts();
  if (parts.empty()) return &source;
  for (const Source& part : parts) {
    if (part.length() != 0) return &part;
  }
  return &parts.front();
}

// What transfer() does about a blocking descriptor before it begins.
Waiting after_start(Waiting found, Kind kind, bool owned, bool may_wait) {
  if (found == Waiting::never || owned) return Waiting::never;
  if (may_wait) return Waiting::allowed;
  return kind == Kind::pipe ? Waiting::never : found;  // a description of its own
}

// What only a plan that is read wants to know.
void add_route(Plan& plan, FdRef socket) {
  const auto route = os::route_of(socket);
  if (!route || route->device.empty()) return;
  std::string device = route->device;
  if (!route->driver.empty()) device += " (" + route->driver + ")";
  plan.sink.push_back({"device", route->loopback ? device + ", the peer is on this host" : device});
  if (route->takes_scattered_pages)
    plan.sink.push_back({"scattered pages", *route->takes_scattered_pages ? "taken" : "not taken"});
}

}  // namespace

Plan plan(const Source& source, const Sink& sink, const Options& options, const Costs& costs) {
  const Source& part = *first_part(source);
  auto source_facts = facts_of(part, false, options.disk);
  auto sink_facts = facts_of(sink);
  if (!source_facts || !sink_facts) {
    Plan none;
    none.error = std::move(source_facts ? sink_facts.error() : source_facts.error());
    return none;
  }
  if (part.kind() == Kind::memory && !source.parts().empty()) {
    const auto parts = source.parts();
    join_run(*source_facts, parts, static_cast<std::size_t>(&part - parts.data()));
  }
  const bool waits = may_wait(options);
  source_facts->waiting = after_start(source_facts->waiting, part.kind(), part.owned(), waits);
  sink_facts->waiting = after_start(sink_facts->waiting, sink.kind(), sink.owned(), waits);

  Needs needs = needs_of(options, sink, costs);
  if (needs.snapshot && part.kind() == Kind::file) {
    const HeldFile held = could_hold(part, sink, options.disk);
    source_facts->hold = held.hold;
    source_facts->unheld = held.unheld;
  }
  if (ConnectionState* const connection = EndpointAccess::connection(sink)) {
    needs.closed_ways = connection->closed_ways;
    needs.lends_first = connection->lends_unasked(*source_facts, *sink_facts, needs) &&
                        connection->trial.left() == 0;
  }
  needs.has_successor = source.parts().size() > 1 && &part != &source.parts().back();
  Plan plan = plan_from(*source_facts, *sink_facts, needs);
  if (sink.kind() == Kind::socket) add_route(plan, sink.fd());
  return plan;
}

}  // namespace leat
