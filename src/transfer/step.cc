#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "endpoint/access.h"
#include "os/socket.h"
#include "os/wait.h"
#include "transfer/connection_state.h"
#include "transfer/context_state.h"
#include "transfer/engine.h"

namespace leat {
namespace {

using Clock = std::chrono::steady_clock;
using Outcome = Moved::Outcome;

constexpr std::chrono::milliseconds longest_step{2};
// For a wake-up that no event explains: look again after this long instead of spinning.
constexpr std::chrono::milliseconds back_off{10};
constexpr unsigned most_moveless = 3;

// Refusals that the next transfer between such ends would meet again. What is used up may be there
// by then, and a file that is being run may have ended.
bool holds_for_pair(int error_number) {
  constexpr std::array lasting{EINVAL, ENOSYS, EOPNOTSUPP, EXDEV, EPERM};
  return std::find(lasting.begin(), lasting.end(), error_number) != lasting.end();
}

// Refusals that have nothing to do with the file at hand: they hold for the whole connection.
bool holds_for_connection(int error_number) {
  return error_number == ENOSYS || error_number == EPERM;
}

std::optional<TimePoint> earlier(std::optional<TimePoint> one, TimePoint other) {
  return one ? std::min(*one, other) : other;
}

WaitFd context_slot(const ContextState& context) {
  return {context.wakeups, POLLIN, WaitFd::Role::context};
}

}  // namespace

Step Engine::step(std::uint64_t limit) {
  take_releases();  // first: an owner's release may run anything, even a step of this transfer
  if (ended()) return snapshot();
  const std::uint64_t delivered_before = delivered;
  os::SigpipeGuard guard;
  StepWork work{.limit = std::max<std::uint64_t>(limit, 1),
                .resources = resources_with(guard, context.options.sigpipe)};
  state = State::progress;
  awaits_ring = awaits_verdicts = false;
  last_wait.count = 0;
  last_wait.wake_at.reset();
  awaits_finish.reset();
  run(work);
  if (state == State::blocked) check_fruitless_wake(work);
  if ((held_back || corked) && !stays_corked()) push();
  if (state == State::blocked && secured.has_lease())
    last_wait.wake_at = earlier(last_wait.wake_at, Clock::now() + Snapshot::longest_wait);
  was_blocked = state == State::blocked && last_wait.count > 0;
  if (options.progress && delivered != delivered_before) options.progress(snapshot());
  return snapshot();
}

void Engine::run(StepWork& work) {
  if (stop_wanted()) return stop(Ending::cancelled, work.resources);
  if (options.deadline && Clock::now() >= *options.deadline)
    return stop(Ending::deadline, work.resources);
  if (options.consistency != Consistency::live && !is_secured()) return;
  moveless = 0;
  while (move_once(work)) {
  }
}

// Not before the first step: to clone a file waits for its dirty pages. Returns false if the
// transfer has failed.
bool Engine::is_secured() {
  if (secured.begun()) {
    if (!secured.holds()) fail(source_changed());
    return !ended();
  }
  auto begun = secured.begin(parts(), sink, options);
  if (begun) begun = promise_lengths();
  if (!begun) fail(std::move(begun.error()));
  return begun.has_value();
}

// Returns false when the step is over.
bool Engine::move_once(StepWork& work) {
  if (!has_part() || (sink.kind() == Kind::memory && delivered == sink.bytes().size())) {
    finish();
    return false;
  }
  if (!facts) {
    if (const auto begun = begin_part(); !begun) {
      fail(begun.error());
      return false;
    }
  }
  if (facts->promised == place().delivered) {
    finish_part();
    return true;
  }
  if (!may_move(work)) return false;
  if (preallocation.pending()) return preallocate();
  std::uint64_t bound = bound_of(work);
  if (pace.limited()) {
    bound = std::min(bound, pace.available(Clock::now()));
    if (bound == 0) {
      state = State::blocked;
      last_wait.wake_at = earlier(options.deadline, pace.next_helping());
      return false;
    }
  }
  if (holes.active() && place().held() == 0 && skip_hole(work)) return true;
  std::uint64_t resident = to_end;
  if (read_ahead && read_ahead->active()) {
    const Found found = find_resident(bound, resident);
    if (found != Found::some) return found == Found::again;
  }
  if (!pump.get()) MechanismAccess::entry(mechanism()).start(pump, options.tuning);
  return account(work, pump_once(work, bound, resident));
}

// The bounds of one step: bytes, and time that is looked at between moves only.
bool Engine::may_move(StepWork& work) {
  if (work.taken >= work.limit || work.delivered >= work.limit) return false;
  if (work.moves++ == 0) return true;
  const TimePoint now = Clock::now();
  if (!work.began) work.began = now;
  if (options.deadline && now >= *options.deadline) return false;
  return now - *work.began < longest_step && !stop_wanted();
}

std::uint64_t Engine::bound_of(const StepWork& work) {
  const std::uint64_t bound = work.limit - std::max(work.taken, work.delivered);
  const bool shares = MechanismAccess::entry(mechanism()).shares_extents;
  return shares ? std::max(bound, rights.sharing_limit) : bound;
}

bool Engine::skip_hole(StepWork& work) {
  const std::uint64_t left = std::min(facts->promised - place().delivered,
                                      work.limit - std::max(work.taken, work.delivered));
  const std::uint64_t hole = holes.hole_at(current().offset() + place().delivered, left);
  if (hole == 0 || !secured.holds()) return false;
  show_hole(hole);
  advance(hole, hole);
  work.taken += hole;
  work.delivered += hole;
  hole_bytes += hole;
  ends_in_hole = true;
  --work.moves;  // it needed no call
  return true;
}

bool Engine::preallocate() {
  auto reserved = preallocation.advance(sink_fd);
  if (!reserved) fail(std::move(reserved.error()));
  return reserved.has_value();
}

Moved Engine::pump_once(StepWork& work, std::uint64_t bound, std::uint64_t resident) {
  const Place& here = place();
  const std::uint64_t promised = facts->promised;
  const std::uint64_t left = promised == to_end ? to_end : promised - here.taken;
  Allowance allowance{.take = std::min({bound, left, resident}),
                      .deliver = bound,
                      .remaining = promised == to_end ? to_end : promised - here.delivered,
                      .more_follows = false};
  Passage passage{.source = *facts,
                  .sink = sink_facts,
                  .from = source_fd,
                  .to = sink_fd,
                  .from_offset = current().offset() + here.taken,
                  .to_offset = sink.offset() + delivered,
                  .memory = {},
                  .keepers = {},
                  .room = {},
                  .resources = work.resources,
                  .lease = in_leftover() ? nullptr : secured.lease_of(part),
                  .witness = is_shown_by_pump() ? &options.witness : nullptr};
  if (sink.kind() == Kind::memory) passage.room = sink.bytes().subspan(delivered);
  if (holes.active()) {
    allowance.ahead = holes.data_left(passage.from_offset);
    allowance.take = std::min(allowance.take, allowance.ahead);
  }
  const MechanismEntry& entry = MechanismAccess::entry(mechanism());
  Gathered gathered;
  std::size_t last_part = part;
  if (facts->kind == Kind::memory) {
    gathered = gather(allowance.deliver, entry.most_pieces);
    passage.memory = gathered.pieces;
    allowance.remaining = allowance.take = gathered.remaining;
    last_part = gathered.last_part;
  }
  allowance.more_follows =
      composite && bound >= allowance.remaining && more_follows_after(last_part);

  if (entry.lends) {
    passage.keepers = keepers_of(gathered);
    work.resources.ticket = ledger.ticket_of(mechanism());
  }
  if (!corked && is_to_be_corked(allowance, entry))
    corked = os::set_cork(sink_fd, true).has_value();
  return pump.get()->step(passage, allowance);
}

// Until the step returns, or longer: see stays_corked(). Either a mechanism cannot say by itself
// that more follows, or there is much to send: acknowledgements that come in meanwhile would have
// the kernel send segments that are not full yet, which costs a fifth of the time of 1 GiB over the
// loopback.
bool Engine::is_to_be_corked(const Allowance& allowance, const MechanismEntry& entry) const {
  constexpr std::uint64_t much = 256 << 10;
  if (!sink_facts.tcp) return false;
  if (std::min(allowance.deliver, allowance.remaining) >= much) {
    const ConnectionState* const connection = EndpointAccess::connection(sink);
    return connection ? connection->owned.valid() : sink.owned();
  }
  return allowance.more_follows && !entry.carries_more && sink_facts.is_connection &&
         !sink_facts.nodelay;
}

Cost Engine::cost_now() const {
  Cost cost = MechanismAccess::entry(mechanism()).cost(*facts, sink_facts);
  if (options.witness && cost.cpu_copies)
    *cost.cpu_copies += seen_by_witness(mechanism(), *facts, sink_facts).copies;
  return cost;
}

bool Engine::account(StepWork& work, const Moved& moved) {
  ledger.moved(mechanism(), moved, cost_now());
  if (work.resources.ticket != 0)
    ledger.set_ticket(mechanism(), std::exchange(work.resources.ticket, 0));
  work.taken += moved.taken;
  work.delivered += moved.delivered;
  if (pace.limited()) pace.spend(std::max(moved.taken, moved.delivered));
  if (moved.delivered > 0) {
    held_back = moved.held_back;
    ends_in_hole = false;
  }
  moveless = moved.taken + moved.delivered > 0 ? 0 : moveless + 1;
  if (options.witness) show(moved.delivered);
  advance(moved.taken, moved.delivered);
  if (unwitnessed) {
    fail(source_changed());
    return false;
  }
  if (moved.does_without) ledger.refused(mechanism(), moved, delivered);

  // While a send is in flight its bytes are not counted yet.
  if (needs.copies_forbidden && moved.outcome != Outcome::wait_ring &&
      ledger.has_copied(context.verdicts)) {
    fail(copied_after_all());
    return false;
  }
  switch (moved.outcome) {
    case Outcome::progress:
      if (moveless < most_moveless) return true;
      // Both sides say they are ready, yet nothing moves.
      state = State::blocked;
      last_wait.wake_at = earlier(options.deadline, Clock::now() + back_off);
      return false;
    case Outcome::wait_source: block_on(WaitFd::Role::source, moved.ring_too); return false;
    case Outcome::wait_sink: block_on(WaitFd::Role::sink, moved.ring_too); return false;
    case Outcome::wait_ring:
      if (reads_for_itself()) read_ahead->note_wait();
      block_on_ring(moved.for_room);
      return false;
    case Outcome::wait_release: block_on_release(); return false;
    case Outcome::source_ended: return source_ended();
    case Outcome::too_little: return await_more(work, moved);
    case Outcome::source_changed: fail(source_changed()); return false;
    case Outcome::refused: return next_candidate(moved);
    case Outcome::failed: fail_with(moved); return false;
  }
  return false;
}

bool Engine::source_ended() {
  // A FIFO that nobody has opened for writing yet reads as ended, but has not hung up.
  if (facts->kind == Kind::pipe && place().taken == 0 &&
      (os::ready_events(source_fd, POLLIN) & (POLLIN | POLLHUP)) == 0) {
    block_on(WaitFd::Role::source, false);
    return false;
  }
  // The other direction may have taken the socket's error, and then this one reads an orderly end.
  const ConnectionState* connection = EndpointAccess::connection(current());
  if (connection && connection->broken != 0) {
    fail_with(Moved{.outcome = Outcome::failed,
                    .side = Moved::Side::source,
                    .error_number = connection->broken,
                    .operation = "recv"});
    return false;
  }
  if (facts->promised == to_end) {
    finish_part();
    return true;
  }
  wind_up();
  close_description();
  secured.end();
  state = State::failed;
  ending = Ending::source_shrank;
  return false;
}

// The next step has its whole limit again, and a rate saves up; if even that is too little for the
// mechanism, another one goes on.
bool Engine::await_more(const StepWork& work, Moved moved) {
  if (work.taken + work.delivered > 0) return false;
  if (pace.limited() && !pace.full()) {
    state = State::blocked;
    last_wait.wake_at = earlier(options.deadline, pace.next_helping());
    return false;
  }
  moved.outcome = Outcome::refused;
  return next_candidate(moved);
}

bool Engine::next_candidate(const Moved& moved) {
  const Mechanism refusing = mechanism();
  ledger.refused(refusing, moved, delivered);
  if (options.mechanism) {
    fail_with(moved);
    return false;
  }
  if (sink_connection && holds_for_connection(moved.error_number))
    sink_connection->close_way(refusing);
  if (!in_leftover() && holds_for_pair(moved.error_number))
    context.refused_pairs.add(*facts, sink_facts, MechanismAccess::index(refusing));
  if (sink_connection && moved.error_number == ENOBUFS && MechanismAccess::entry(refusing).lends)
    sink_connection->trial.found_no_room();
  closed_ways |= 1u << MechanismAccess::index(refusing);
  last_refusal = moved;
  drop_pump();
  facts.reset();  // what comes now, a leftover or the rest of the part, is ranked anew
  holes.end();
  if (read_ahead) read_ahead->end();
  return true;
}

void Engine::block_on(WaitFd::Role role, bool ring_too) {
  state = State::blocked;
  last_wait.wake_at = options.deadline;
  last_wait.count = 1;
  if (ring_too) last_wait.slots[last_wait.count++] = context_slot(context);
  awaits_ring = ring_too;
  if (role == WaitFd::Role::sink) {
    last_wait.slots[0] = {sink_fd, POLLOUT, WaitFd::Role::sink};
    return;
  }
  last_wait.slots[0] = {source_fd, POLLIN, WaitFd::Role::source};
  if (ring_too) return;
  // A sink that is reset while the source is silent would not be noticed otherwise.
  if (sink.kind() != Kind::socket && sink.kind() != Kind::pipe) return;
  last_wait.slots[1] = {sink_fd, 0, WaitFd::Role::sink};
  last_wait.count = 2;
}

void Engine::block_on_ring(bool whatever_finishes) {
  state = State::blocked;
  if (whatever_finishes) awaits_finish = context.reads.finished();
  if (!winding) last_wait.wake_at = options.deadline;
  last_wait.slots[0] = context_slot(context);
  last_wait.count = 1;
  awaits_ring = true;
}

// The error queue shows as POLLERR, which needs no asking for.
void Engine::block_on_release() {
  state = State::blocked;
  last_wait.wake_at = options.deadline;
  last_wait.slots[0] = {sink_fd, 0, WaitFd::Role::sink};
  last_wait.count = 1;
  awaits_release = true;
  ++sink_connection->awaiting_release;
  releases_seen = sink_connection->releases;
}

// Its readiness wakes every waiter of the socket, the reading direction too.
void Engine::take_releases() {
  if (std::exchange(awaits_release, false)) --sink_connection->awaiting_release;
  if (sink_connection) sink_connection->take_releases();
  // Nobody else may come to look at what closed connections have back, and it is room to lend.
  if (context.lent.lent > context.lent.limit / 2) context.quarantine.drain();
  if (!has_part()) return;
  ConnectionState* const connection = EndpointAccess::connection(current());
  if (connection && connection != sink_connection) connection->take_releases();
}

Resources Engine::resources_with(os::SigpipeGuard& guard, Sigpipe policy) {
  return {.blocks = context.blocks,
          .pipes = context.pipes,
          .ring = context.ring,
          .verdicts = context.verdicts,
          .lent = context.lent,
          .sigpipe = guard,
          .sigpipe_policy = policy,
          .loans = sink_connection ? &sink_connection->loans : nullptr,
          .reads = &context.reads,
          .copies_forbidden = needs.copies_forbidden,
          .registered = &context.registered};
}

// poll(2) cannot mask ERR and HUP: a step that they woke and that finds nothing to do would be
// woken again at once, for ever. If the sink is gone the transfer has failed; else (an error queue
// that is not ours) only time can tell.
void Engine::check_fruitless_wake(const StepWork& work) {
  // Also at the first wait: what happened before the transfer began gives an edge to nobody.
  const bool woken = was_blocked || !has_blocked;
  has_blocked = true;
  if (!woken || work.taken + work.delivered > 0 || last_wait.count == 0) return;
  for (const WaitFd& slot : last_wait.fds()) {
    const short events = os::ready_events(slot.fd, 0);
    if ((events & (POLLERR | POLLHUP)) == 0) continue;
    // SO_ERROR is not asked: it would take the error away from the other direction of the socket,
    // which would then read an orderly end.
    const bool gone =
        (sink.kind() == Kind::socket && (events & POLLHUP) != 0) || sink.kind() == Kind::pipe;
    if (slot.role == WaitFd::Role::sink && gone) {
      return fail_with(Moved{.outcome = Outcome::failed,
                             .side = Moved::Side::sink,
                             .error_number = EPIPE,
                             .operation = "poll"});
    }
    last_wait.count = 0;
    last_wait.wake_at = earlier(options.deadline, Clock::now() + back_off);
    return;
  }
}

// A sink that is full has what it shall send, whether corked or not: tcp(7) pushes then.
bool Engine::stays_corked() const {
  if (!rights.steps_on || !corked) return false;
  return state == State::progress ||
         (state == State::blocked && last_wait.count == 1 && !last_wait.wake_at &&
          last_wait.slots[0].role == WaitFd::Role::sink && last_wait.slots[0].events == POLLOUT);
}

void Engine::push() {
  if (corked) {
    [[maybe_unused]] const auto ignored = os::set_cork(sink_fd, false);
  } else {
    os::push_pending(sink_fd);
  }
  corked = held_back = false;
}

}  // namespace leat
