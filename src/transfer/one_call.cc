#include "transfer/one_call.h"

#include "endpoint/access.h"
#include "mechanism/mechanism.h"
#include "plan/rank.h"
#include "transfer/connection_state.h"
#include "transfer/context_state.h"

namespace leat {
namespace {

bool asks_for_nothing_else(const Options& options) {
  return !options.mechanism && options.copies == Copies::allow && options.at_end == AtEnd::leave &&
         !options.measure && options.rate_limit == 0 && !options.deadline &&
         !options.stop.stop_possible() && !options.progress && options.tuning.block_bytes == 0;
}

// Memory, or a stretch of known length of a file: what can be read again if the call moves less.
bool is_simple(const Source& source) {
  const bool right_kind = source.kind() == Kind::memory ||
                          (source.kind() == Kind::file && source.offset() != at_cursor);
  return right_kind && !EndpointAccess::is_composite(source) && source.length() != 0 &&
         source.length() <= default_step_limit;
}

SourceFacts simple_facts(const Source& source) {
  return {.kind = source.kind(),
          .regular = true,
          .owned = source.owned(),
          .true_size = true,
          .promised = source.length()};
}

Mechanism& chosen_for(ConnectionState& connection, Kind kind) {
  return kind == Kind::memory ? connection.chosen_for_memory : connection.chosen_for_file;
}

}  // namespace

bool try_one_call(ContextState& context, Source& source, Sink& sink, const Options& options,
                  Receipt& receipt) {
  ConnectionState* connection = EndpointAccess::connection(sink);
  if (!connection || !is_simple(source) || !asks_for_nothing_else(options)) return false;

  const SourceFacts facts = simple_facts(source);
  Mechanism& chosen = chosen_for(*connection, source.kind());
  if (!chosen) {
    const Ranking ranking =
        rank(facts, connection->facts, {.closed_ways = connection->closed_ways});
    if (ranking.count == 0) return false;
    chosen = ranking.order[0];
  }
  const MechanismEntry& entry = MechanismAccess::entry(chosen);
  PumpSlot pump;
  entry.start(pump, options.tuning);

  os::SigpipeGuard guard;
  Resources resources{context.blocks, context.pipes, guard, context.options.sigpipe};
  const auto bytes = source.bytes();
  const iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  const Passage passage{.source = facts,
                        .sink = connection->facts,
                        .from = source.fd(),
                        .to = connection->fd,
                        .from_offset = source.offset(),
                        .memory = {&piece, 1},
                        .room = {},
                        .resources = resources};
  const Moved moved = pump.get()->step(passage, {.take = source.length(),
                                                 .deliver = source.length(),
                                                 .remaining = source.length(),
                                                 .more_follows = false});
  // What it holds can be read again, so nothing is lost with it.
  const Residue residue = pump.get()->surrender(resources);
  receipt.delivered = moved.delivered;
  const Cost cost = entry.cost(facts, connection->facts);
  receipt.legs.push_back({.mechanism = chosen,
                          .known_by = cost.cpu_copies ? KnownBy::construction : KnownBy::unknown,
                          .bytes = moved.delivered,
                          .calls = moved.calls,
                          .cpu_copied_bytes = cost.cpu_copies.value_or(0) * moved.delivered});
  if (residue.pipe.valid()) context.pipes.write_off(residue.pipe);
  if (moved.delivered != source.length()) return false;
  receipt.ending = Ending::complete;
  return true;
}

}  // namespace leat
