#include <algorithm>
#include <utility>

#include "endpoint/access.h"
#include "transfer/connection_state.h"
#include "transfer/context_state.h"
#include "transfer/engine.h"

namespace leat {
namespace {

// What is left of a leftover, as a source of its own.
Source leftover_source(const Residue& residue, Block block) {
  const auto bytes = block.bytes().subspan(residue.offset, residue.bytes);
  return EndpointAccess::kept_memory(bytes, Kept<Block>(std::in_place, std::move(block)).keeper());
}

Cached cached_of(const Source& source) {
  if (source.kind() != Kind::file) return Cached::unknown;
  return look_at_cache(source.fd(), source.offset(), source.length());
}

}  // namespace

Result<void> Engine::begin_part() {
  Source& part_source = current();
  const bool is_ranked = sink_connection && !composite && needs.is_plain() && closed_ways == 0 &&
                         !in_leftover() && is_plain(part_source) &&
                         !is_to_be_lent(part_source, *sink_connection) &&
                         options.disk == Disk::may_wait;
  if (!is_ranked) return plan_part(part_source);
  const Cached cached = cached_of(part_source);
  // The connection's own rankings are of warm files.
  if (cached == Cached::little) return plan_part(part_source, cached);
  facts = plain_facts(part_source);
  source_fd = part_source.fd();
  if (hands_over_pages(part_source)) {
    facts->tenure = MemoryTenure::never_reused;
    ranking = sink_connection->ranking_for_pages(part_source.length());
  } else {
    ranking = sink_connection->ranking_for(part_source.kind(), part_source.length());
  }
  if (ranking.count > 0) return {};
  return plan_part(part_source, cached);
}

Result<void> Engine::plan_part(Source& part_source, std::optional<Cached> cached) {
  auto looked = facts_of(part_source, sink.kind() != Kind::file, options.disk, cached);
  if (!looked) return std::unexpected(looked.error());
  facts = *looked;
  if (!in_leftover()) facts->hold = secured.hold_of(part);
  // What a file promised when its part began holds for good: also after a refusal or a stop, when
  // its size, or its cursor, may be another.
  if (facts->kind == Kind::file && part_source.length() == to_end)
    EndpointAccess::set_length(part_source, facts->promised);
  const ConnectionState* connection = EndpointAccess::connection(part_source);
  source_fd = connection ? connection->fd : part_source.fd();
  if (rights.may_wait && facts->waiting != Waiting::never) {
    facts->waiting = Waiting::allowed;
  } else if (auto own = own_description(facts->kind, facts->waiting, source_fd, true)) {
    source_description = std::move(*own);
    source_fd = source_description;
    facts->waiting = Waiting::never;
  }
  facts->offset += place().delivered;
  if (facts->left != to_end) facts->left -= std::min(facts->left, place().delivered);
  sink_facts.offset = sink.offset() + delivered;

  if (options.disk == Disk::never_wait) {
    if (auto minded = mind_disk(); !minded) return minded;
  }
  if (facts->kind == Kind::memory && !in_leftover()) run_end = join_run(*facts, parts(), part);
  needs.has_successor = !in_leftover() && part + 1 < parts().size();
  needs.closed_ways = closed_ways | closed_before();
  needs.lends_first = lends_first();
  ranking = rank(*facts, sink_facts, needs);
  if (ranking.count == 0 && needs.forced && in_leftover()) {
    // What a forced mechanism gave up need not be of a kind that it fits: any other moves it.
    Needs unforced = needs;
    unforced.forced = {};
    ranking = rank(*facts, sink_facts, unforced);
  }
  if (ranking.count > 0) {
    const bool keeps_them_itself = MechanismAccess::entry(mechanism()).shares_extents;
    // To look for holes is to ask the file system, which may wait for the disk.
    const bool may_look = options.disk == Disk::may_wait;
    if (facts->sparse && sink_facts.keeps_holes && !facts->cursor && !keeps_them_itself && may_look)
      holes.begin(source_fd, part_source.owned());
    if (!in_leftover() && Preallocation::is_for(*facts, sink_facts))
      preallocation.plan(sink.offset() + delivered, facts->promised - place().delivered);
    return {};
  }
  if (!last_refusal || last_refusal->error_number == 0)
    return std::unexpected(nothing_left(*facts, sink_facts, needs));
  return std::unexpected(Error{.code = {last_refusal->error_number, std::generic_category()},
                               .operation = last_refusal->operation,
                               .mechanism = {},
                               .subject = {},
                               .hint = "no other mechanism is left"});
}

// What refused for such ends in earlier transfers. The receipt shows it, as the plan cannot.
std::uint32_t Engine::closed_before() {
  const std::uint32_t on_connection = sink_connection ? sink_connection->closed_ways : 0u;
  const std::uint32_t for_pair = context.refused_pairs.closed(*facts, sink_facts);
  if (needs.forced) return on_connection;
  const std::uint32_t news = for_pair & ~(on_connection | closed_ways);
  for (std::size_t index = 0; news != 0 && index < Mechanism::count(); ++index) {
    if ((news >> index & 1u) != 0)
      ledger.passed_over(Mechanism::at(index), "it refused for such ends before", delivered);
  }
  return on_connection | for_pair;
}

bool Engine::lends_first() {
  if (!sink_connection || !sink_connection->lends_unasked(*facts, sink_facts, needs)) return false;
  if (sink_connection->trial.begins()) return true;
  ledger.passed_over(*Mechanism::named("zerocopy_send"),
                     "the kernel copied what it was lent here, or had no room: tried again later",
                     delivered);
  return false;
}

void Engine::finish_part() {
  drop_pump();
  if (in_leftover()) {
    leftovers.pop_back();
  } else {
    if (facts && facts->promised == to_end) open_ended = true;
    ++part;
    part_place = {};
    closed_ways = 0;
    unseen = false;
    last_refusal.reset();
    preallocation.forget();
  }
  facts.reset();
  holes.end();
  if (read_ahead) read_ahead->end();
  source_description.reset();
}

// Memory parts of the run from the current one on, at most `limit` bytes of them.
Gathered Engine::gather(std::uint64_t limit, std::size_t most_pieces) {
  std::vector<iovec>& pieces = context.pieces;
  pieces.clear();
  Gathered gathered{.pieces = {}, .last_part = part};
  const auto add = [&](std::span<const std::byte> bytes) {
    const std::uint64_t room = limit - std::min(limit, gathered.remaining);
    gathered.remaining += bytes.size();
    bytes = bytes.first(std::min<std::uint64_t>(bytes.size(), room));
    if (bytes.empty()) return;
    // The kernel does not write through it.
    pieces.push_back({const_cast<std::byte*>(bytes.data()), bytes.size()});
  };
  add(current().bytes().subspan(place().delivered));
  const std::size_t end = in_leftover() ? 0 : run_end;
  for (std::size_t index = part + 1;
       index < end && pieces.size() < most_pieces && gathered.remaining <= limit; ++index) {
    add(parts()[index].bytes());
    gathered.last_part = index;
  }
  gathered.pieces = pieces;
  return gathered;
}

// What keeps the gathered pieces alive, one for each.
std::span<Keeper> Engine::keepers_of(const Gathered& gathered) {
  keepers.clear();
  const auto add = [this](const Source& piece) {
    keepers.push_back(EndpointAccess::keeper(piece));
  };
  if (in_leftover()) {
    add(current());
    return keepers;
  }
  const auto list = parts();
  for (std::size_t index = part; keepers.size() < gathered.pieces.size(); ++index) {
    const std::uint64_t begun = index == part ? part_place.delivered : 0;
    if (list[index].length() > begun) add(list[index]);
  }
  return keepers;
}

// Only the next part that is not empty counts: after it the bytes would have to be pushed anyway.
bool Engine::more_follows_after(std::size_t index) {
  if (in_leftover() || pace.limited()) return false;
  const auto list = parts();
  for (++index; index < list.size(); ++index) {
    const Source& later = list[index];
    if (later.length() == 0) continue;
    return later.length() != to_end && (later.kind() == Kind::memory || later.kind() == Kind::file);
  }
  return false;
}

void Engine::advance(std::uint64_t newly_taken, std::uint64_t newly_delivered) {
  if (!in_leftover()) taken += newly_taken;
  delivered += newly_delivered;
  if (facts->kind != Kind::memory || in_leftover()) {
    place().taken += newly_taken;
    place().delivered += newly_delivered;
    return;
  }
  // Gathered memory: the bytes may end in a later part, or right where it begins. The pump stays,
  // as it may hold bytes of it.
  std::uint64_t left = newly_delivered;
  for (; part + 1 < run_end; ++part, part_place = {}) {
    const std::uint64_t rest = parts()[part].length() - part_place.delivered;
    if (left < rest) break;
    left -= rest;
    facts->promised = parts()[part + 1].length();
  }
  part_place.taken += left;
  part_place.delivered += left;
}

// The pump gives up what it holds: a part that can be read again just goes back, anything else
// becomes a leftover that some mechanism will deliver first.
void Engine::drop_pump() {
  if (!pump.get()) return;
  os::SigpipeGuard unused;
  Resources resources = resources_with(unused, Sigpipe::ignored_by_caller);
  Residue residue = pump.get()->surrender(resources);
  pump.clear();
  if (residue.bytes == 0) return;
  Place& here = place();
  if (facts->repeatable()) {
    if (!in_leftover()) taken -= residue.bytes;
    here.taken = here.delivered;
    if (residue.block.valid()) context.blocks.give_back(std::move(residue.block));
    if (residue.pipe.valid()) context.pipes.destroy(std::move(residue.pipe));
    return;
  }
  here.delivered = here.taken;
  if (residue.block.valid()) {
    leftovers.push_back({leftover_source(residue, std::move(residue.block)), {}});
  } else if (residue.pipe.valid()) {
    context.pipes.write_off(residue.pipe);
    leftovers.push_back({Source::pipe(std::move(residue.pipe.read), residue.bytes), {}});
  }
  for (auto piece = residue.pieces.rbegin(); piece != residue.pieces.rend(); ++piece)
    leftovers.push_back({EndpointAccess::kept_memory(*piece, residue.keeper), {}});
}

}  // namespace leat
