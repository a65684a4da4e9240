#include "support/pump_bench.h"

#include <cstdio>
#include <cstdlib>

#include "endpoint/access.h"
#include "os/wait.h"

namespace leat::testing {
namespace {

Mechanism mechanism_named(std::string_view name) {
  const auto mechanism = Mechanism::named(name);
  if (!mechanism) {
    std::fprintf(stderr, "no mechanism %s\n", std::string(name).c_str());
    std::abort();
  }
  return *mechanism;
}

template <class T>
T must(Result<T> facts) {
  if (!facts) {
    std::fprintf(stderr, "no facts: %s\n", facts.error().message().c_str());
    std::abort();
  }
  return *facts;
}

OwnedFd must_have(Result<OwnedFd> fd) {
  if (!fd) std::abort();
  return std::move(*fd);
}

}  // namespace

PumpBench::PumpBench(std::string_view mechanism, const Source& from_end, const Sink& to_end,
                     const Tuning& tuning, std::uint64_t pipe_budget_bytes)
    : pipes(pipe_budget_bytes),
      wakeups(must_have(os::make_eventfd())),
      source(must(facts_of(from_end, false))),
      sink(must(facts_of(to_end))),
      from(from_end.fd()),
      to(to_end.fd()),
      from_offset(from_end.offset()),
      to_offset(to_end.offset()),
      room(to_end.bytes()) {
  const auto bytes = from_end.bytes();
  // The kernel does not write through it.
  if (!bytes.empty()) {
    memory.push_back({const_cast<std::byte*>(bytes.data()), bytes.size()});
    keepers.push_back(EndpointAccess::keeper(from_end));
  }
  MechanismAccess::entry(mechanism_named(mechanism)).start(slot, tuning);
}

Moved PumpBench::step(std::uint64_t bytes, bool more_follows) {
  return step({.take = bytes, .deliver = bytes, .remaining = bytes, .more_follows = more_follows});
}

Resources PumpBench::resources_with(os::SigpipeGuard& guard) {
  return {.blocks = blocks,
          .pipes = pipes,
          .ring = ring,
          .verdicts = verdicts,
          .lent = lent,
          .sigpipe = guard,
          .sigpipe_policy = sigpipe,
          .loans = &loans,
          .ticket = ticket};
}

Moved PumpBench::step(const Allowance& allowance) {
  os::SigpipeGuard guard;
  Resources resources = resources_with(guard);
  std::vector<Keeper> lent_pieces = keepers;
  const Passage passage{.source = source,
                        .sink = sink,
                        .from = from,
                        .to = to,
                        .from_offset = from_offset,
                        .to_offset = to_offset,
                        .memory = memory,
                        .keepers = lent_pieces,
                        .room = room,
                        .resources = resources};
  const Moved moved = slot.get()->step(passage, allowance);
  ticket = resources.ticket;
  from_offset += moved.taken;
  to_offset += moved.delivered;
  return moved;
}

Residue PumpBench::surrender() {
  os::SigpipeGuard guard;
  Resources resources = resources_with(guard);
  return slot.get()->surrender(resources);
}

Fit fit_of(std::string_view mechanism, const SourceFacts& source, const SinkFacts& sink) {
  return MechanismAccess::entry(mechanism_named(mechanism)).fits(source, sink);
}

}  // namespace leat::testing

namespace leat {

void PrintTo(Moved::Outcome outcome, std::ostream* out) {
  switch (outcome) {
    case Moved::Outcome::progress: *out << "progress"; return;
    case Moved::Outcome::wait_source: *out << "wait_source"; return;
    case Moved::Outcome::wait_sink: *out << "wait_sink"; return;
    case Moved::Outcome::wait_ring: *out << "wait_ring"; return;
    case Moved::Outcome::wait_release: *out << "wait_release"; return;
    case Moved::Outcome::source_ended: *out << "source_ended"; return;
    case Moved::Outcome::too_little: *out << "too_little"; return;
    case Moved::Outcome::source_changed: *out << "source_changed"; return;
    case Moved::Outcome::refused: *out << "refused"; return;
    case Moved::Outcome::failed: *out << "failed"; return;
  }
}

}  // namespace leat
