#include "transfer/one_call.h"

#include "endpoint/access.h"
#include "mechanism/mechanism.h"
#include "transfer/connection_state.h"
#include "transfer/context_state.h"

namespace leat {
namespace {

// What one call may finish, and what can be read again if it does not.
bool fits_one_call(const Source& source) {
  return is_plain(source) && !EndpointAccess::is_composite(source) && source.length() != 0 &&
         source.length() <= default_step_limit && !hands_over_pages(source) &&
         (source.kind() != Kind::file || source.length() < worth_asking_if_cached);
}

void give_back(PumpSlot& pump, Resources& resources) {
  const Residue residue = pump.get()->surrender(resources);
  if (residue.pipe.valid()) resources.pipes.write_off(residue.pipe);
}

/// By a pump that lives for one step.
[[gnu::always_inline]] inline OneCall make_pumped_call(ContextState& context,
                                                       ConnectionState& connection,
                                                       const Source& source, Mechanism mechanism,
                                                       const MechanismEntry& entry) {
  const SourceFacts facts = plain_facts(source);
  PumpSlot pump;
  entry.start(pump, Tuning{});

  os::SigpipeGuard guard;
  Resources resources{.blocks = context.blocks,
                      .pipes = context.pipes,
                      .ring = context.ring,
                      .verdicts = context.verdicts,
                      .lent = context.lent,
                      .sigpipe = guard,
                      .sigpipe_policy = context.options.sigpipe};
  const auto bytes = source.bytes();
  const iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  const Passage passage{.source = facts,
                        .sink = connection.facts,
                        .from = source.fd(),
                        .to = connection.fd,
                        .from_offset = source.offset(),
                        .memory = {&piece, 1},
                        .keepers = {},
                        .room = {},
                        .resources = resources};
  const std::uint64_t length = source.length();
  const Allowance all{
      .take = length, .deliver = length, .remaining = length, .more_follows = false};
  const OneCall made{mechanism, pump.get()->step(passage, all),
                     entry.cost(facts, connection.facts)};
  // Memory is sent from where it lies: there no pump holds anything.
  if (facts.kind != Kind::memory && !entry.holds_nothing) give_back(pump, resources);
  return made;
}

}  // namespace

bool is_one_call(const Source& source, const Sink& sink, const Options& options) noexcept {
  const ConnectionState* const connection = EndpointAccess::connection(sink);
  return connection && fits_one_call(source) && asks_for_nothing_else(options) &&
         !is_to_be_lent(source, *connection);
}

OneCall make_one_call(ContextState& context, ConnectionState& connection, const Source& source) {
  const Mechanism mechanism = connection.first_choice(source.kind(), source.length());
  if (!mechanism) return {};
  const MechanismEntry& entry = MechanismAccess::entry(mechanism);
  if (source.kind() != Kind::memory || !entry.at_once.send)
    return make_pumped_call(context, connection, source, mechanism, entry);
  return {mechanism, entry.at_once.meaning(entry.at_once.send(connection.fd, source.bytes())),
          connection.messages.cost};
}

}  // namespace leat
