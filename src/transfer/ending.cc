#include <poll.h>

#include <utility>

#include "endpoint/access.h"
#include "os/file.h"
#include "os/socket.h"
#include "os/usage.h"
#include "transfer/connection_state.h"
#include "transfer/context_state.h"
#include "transfer/engine.h"

namespace leat {
namespace {

std::string_view hint_for(const Moved& moved) {
  const Moved::Side side = moved.side;
  switch (moved.error_number) {
    case ENOSPC: return "free some space where the sink is";
    case EDQUOT: return "the disk quota is used up";
    case EFBIG: return "the sink's file system or RLIMIT_FSIZE allows no larger file";
    case EPIPE: return "the reader was gone before it had everything";
    case ECONNRESET:
      return side == Moved::Side::source ? "the sender broke off: what came is not everything"
                                         : "the reader was gone before it had everything";
    case ENOBUFS:
      if (moved.operation != "sendmsg") return {};
      return "raise RLIMIT_MEMLOCK (ulimit -l) or net.core.optmem_max";
    case EMFILE: return "raise RLIMIT_NOFILE (ulimit -n)";
    case ENFILE: return "raise /proc/sys/fs/file-max";
    case EIO: return "a device failed; see dmesg";
    case EBADF: return "the descriptor is closed or not open for this direction";
    default: return {};
  }
}

std::string_view name_of(Moved::Side side) {
  switch (side) {
    case Moved::Side::unknown: return {};
    case Moved::Side::source: return "source";
    case Moved::Side::sink: return "sink";
  }
  return {};
}

// What is left of a leftover, as a source for another start.
Source rest_of(Leftover leftover) {
  Source& source = leftover.source;
  if (source.kind() != Kind::memory) {
    EndpointAccess::set_length(source, source.length() - leftover.place.delivered);
    return std::move(source);
  }
  const auto rest = source.bytes().subspan(leftover.place.delivered);
  return EndpointAccess::kept_memory(rest, EndpointAccess::keeper(source));
}

}  // namespace

std::string_view name_of(Ending ending) noexcept {
  switch (ending) {
    case Ending::unfinished: return "unfinished";
    case Ending::complete: return "complete";
    case Ending::end_of_source: return "end_of_source";
    case Ending::source_shrank: return "source_shrank";
    case Ending::deadline: return "deadline";
    case Ending::cancelled: return "cancelled";
    case Ending::failed: return "failed";
  }
  return "";
}

std::string_view name_of(KnownBy known_by) noexcept {
  switch (known_by) {
    case KnownBy::construction: return "construction";
    case KnownBy::kernel: return "kernel";
    case KnownBy::pending: return "pending";
    case KnownBy::unknown: return "unknown";
  }
  return "";
}

Error Engine::copied_after_all() {
  return {.code = make_error_code(Errc::copied_after_all),
          .operation = "send",
          .mechanism = {},
          .subject = "sink",
          .hint = "the way to this peer copies: allow copies"};
}

Error Engine::source_changed() {
  return {.code = make_error_code(Errc::source_changed),
          .operation = "hold",
          .mechanism = {},
          .subject = "source",
          .hint = "start again once nobody writes to it"};
}

bool Engine::runnable() const {
  if (ended()) return false;
  // Only what the last step waited for: it would not look at anything else now.
  if (awaits_ring && pump.get() && pump.get()->runnable()) return true;
  if (awaits_ring && read_ahead && read_ahead->runnable()) return true;
  if (awaits_finish && *awaits_finish != context.reads.finished()) return true;
  if (awaits_verdicts && !ledger.has_pending(context.verdicts)) return true;
  // The other direction may have taken what the error queue held.
  if (awaits_release && sink_connection->releases != releases_seen) return true;
  return stop_wanted() && !winding;
}

// Where copies are forbidden, the end has to wait for what the kernel says of the last bytes.
bool Engine::has_all_verdicts() {
  if (!needs.copies_forbidden || !ledger.has_pending(context.verdicts)) return true;
  // Only the ring, or only the sink's error queue, or both may have them.
  if (sink_connection && sink_connection->loans.outstanding() > 0) {
    block_on_release();
    last_wait.slots[last_wait.count++] = {context.wakeups, POLLIN, WaitFd::Role::context};
  } else {
    block_on_ring();
  }
  awaits_verdicts = true;
  return false;
}

void Engine::finish() {
  if (!has_all_verdicts()) return;
  if (needs.copies_forbidden && ledger.has_copied(context.verdicts))
    return fail(copied_after_all());
  if (held_back || corked) push();
  if (unwitnessed || (secured.begun() && !secured.is_unchanged(parts())))
    return fail(source_changed());
  if (auto ended_sink = end_sink(); !ended_sink) return fail(std::move(ended_sink.error()));
  wind_up();
  close_description();
  secured.end();
  state = State::done;
  ending = open_ended ? Ending::end_of_source : Ending::complete;
}

// What Options ask for once everything was delivered.
Result<void> Engine::end_sink() {
  if (std::exchange(ends_in_hole, false)) {
    if (auto sized = os::set_size(sink_fd, sink.offset() + delivered); !sized) return sized;
  }
  if (sink.kind() == Kind::file && options.durability != Durability::none) {
    const bool full = options.durability == Durability::full;
    if (auto synced = full ? os::sync_all(sink_fd) : os::sync_data(sink_fd); !synced) return synced;
  }
  if (sink.kind() != Kind::socket) {
    if (options.at_end == AtEnd::close) EndpointAccess::take_owned(sink).reset();
    return {};
  }
  if (sink_connection && options.at_end != AtEnd::leave) sink_connection->ended_orderly();
  if (sink.owned() && sink_facts.tcp) {
    if (auto set = os::reset_on_close(sink_fd, false); !set) return set;
  }
  if (options.at_end == AtEnd::shutdown_write) return os::shutdown_write(sink_fd);
  if (options.at_end != AtEnd::close) return {};
  if (sink_connection) {
    sink_connection->close_when_idle = true;
  } else {
    EndpointAccess::take_owned(sink).reset();
  }
  return {};
}

// Returns false while operations of the pump are in flight.
bool Engine::wound_down(Resources& resources) {
  if (!pump.get()) return true;
  const Moved moved = pump.get()->wind_down(resources);
  if (moved.taken + moved.delivered + moved.calls > 0) {
    ledger.moved(mechanism(), moved, cost_now());
    show(moved.delivered);
    advance(moved.taken, moved.delivered);
    if (moved.delivered > 0) held_back = moved.held_back;
  }
  return moved.outcome != Moved::Outcome::wait_ring;
}

void Engine::stop(Ending why, Resources& resources) {
  winding = !wound_down(resources);
  if (winding) return block_on_ring();
  wind_up();
  state = State::stopped;
  ending = why;
}

void Engine::fail(Error why) {
  wind_up();
  close_description();
  secured.end();
  state = State::failed;
  ending = Ending::failed;
  error = std::move(why);
}

// EPIPE says only that this direction is shut: the other may still end in an orderly way.
void Engine::mark_broken(const Moved& moved) {
  if (moved.error_number == EPIPE) return;
  ConnectionState* connection = nullptr;
  if (moved.side == Moved::Side::sink) connection = sink_connection;
  if (moved.side == Moved::Side::source && has_part())
    connection = EndpointAccess::connection(current());
  if (connection) connection->broken = moved.error_number;
}

void Engine::fail_with(const Moved& moved) {
  if (moved.error_number == 0) {  // it was no call that refused
    return fail({.code = make_error_code(Errc::does_not_fit),
                 .operation = "step",
                 .mechanism = mechanism(),
                 .subject = {},
                 .hint = std::string(moved.operation)});
  }
  mark_broken(moved);
  if (reads_for_itself() && moved.operation.starts_with("io_uring_"))
    return fail(would_wait(moved.operation));
  fail({.code = {moved.error_number, std::generic_category()},
        .operation = moved.operation,
        .mechanism = ranking.count > 0 ? mechanism() : Mechanism(),
        .subject = std::string(name_of(moved.side)),
        .hint = std::string(hint_for(moved))});
}

// Nothing is in flight afterwards, and every count is final.
void Engine::wind_up() {
  drop_pump();
  facts.reset();
  holes.end();
  if (read_ahead) read_ahead->end();
  source_description.reset();
  if (std::exchange(ends_in_hole, false)) {
    // The bytes of the hole were counted as delivered, so they have to be there.
    [[maybe_unused]] const auto ignored = os::set_size(sink_fd, sink.offset() + delivered);
  }
  preallocation.give_back(sink_fd);
  if (options.measure) usage_at_end = os::process_usage();
}

// Else the reader of a pipe would wait for this end to close, too.
void Engine::close_description() {
  if (!sink_description.valid()) return;
  sink_description.reset();
  sink_fd = sink.fd();
}

void Engine::carry_on(const OneCall& before) {
  if (!before.mechanism || ended()) return;
  ledger.carry_on(before.leg());
  taken = delivered = before.moved.delivered;
  part_place = {.taken = taken, .delivered = delivered};
  ranking.order[0] = before.mechanism;
  ranking.count = 1;
  // The kernel tells a socket's error once, so what the call said is final.
  if (before.moved.outcome == Moved::Outcome::failed) return fail_with(before.moved);
  if (before.moved.outcome == Moved::Outcome::refused) next_candidate(before.moved);
}

void Engine::resume(const Options& wishes) {
  if (!is_stopped()) return;
  stop_callback.reset();
  cancelled = false;
  stop_requested = false;
  options.deadline = wishes.deadline;
  options.stop = wishes.stop;
  options.progress = wishes.progress;
  options.rate_limit = wishes.rate_limit;
  pace.set(options.rate_limit);
  usage_at_end.reset();
  state = State::progress;
  ending = Ending::unfinished;
  was_blocked = false;
  if (options.stop.stop_possible()) watch_stop_token();
}

std::uint64_t Engine::stranded_bytes() const {
  std::uint64_t sum = 0;
  for (const Leftover& leftover : leftovers)
    sum += leftover.source.length() - leftover.place.delivered;
  if (pump.get() && facts && !facts->repeatable() && !in_leftover()) sum += part_place.held();
  return sum;
}

std::vector<Source> Engine::give_up_stranded() {
  std::vector<Source> sources;
  if (!ended()) return sources;
  while (!leftovers.empty()) {
    sources.push_back(rest_of(std::move(leftovers.back())));
    leftovers.pop_back();
  }
  return sources;
}

Step Engine::snapshot() const {
  Step step;
  step.taken = taken;
  step.delivered = delivered;
  step.state = state;
  if (state == State::blocked) step.wait = last_wait;
  if (state == State::failed) {
    step.error = error ? error->code : make_error_code(Errc::source_shrank);
  }
  return step;
}

void Engine::write_receipt(Receipt& receipt) const {
  receipt.delivered = delivered;
  receipt.stranded = stranded_bytes();
  receipt.holes = hole_bytes;
  receipt.ending = ending;
  receipt.legs = ledger.legs();
  for (Leg& leg : receipt.legs) fill_in_verdict(leg, context.verdicts);
  receipt.refusals = ledger.refusals();
  if (read_ahead) {
    receipt.cold_waits = read_ahead->cold_waits();
    receipt.prefetched = read_ahead->prefetched();
  }
  if (error) receipt.error = error;
  if (!usage_at_start) return;
  const Usage now = usage_at_end ? *usage_at_end : os::process_usage();
  const Usage& then = *usage_at_start;
  receipt.usage = {.wall_s = now.wall_s - then.wall_s,
                   .user_s = now.user_s - then.user_s,
                   .system_s = now.system_s - then.system_s,
                   .voluntary_switches = now.voluntary_switches - then.voluntary_switches,
                   .involuntary_switches = now.involuntary_switches - then.involuntary_switches,
                   .major_faults = now.major_faults - then.major_faults,
                   .minor_faults = now.minor_faults - then.minor_faults};
}

}  // namespace leat
