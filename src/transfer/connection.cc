#include <poll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <span>
#include <utility>

#include <leat/connection.h>
#include <leat/endpoint.h>

#include "endpoint/access.h"
#include "os/descriptor.h"
#include "os/error_queue.h"
#include "os/socket.h"
#include "os/stream.h"
#include "os/wait.h"
#include "transfer/connection_state.h"
#include "transfer/context_state.h"
#include "transfer/ledger.h"
#include "transfer/nap.h"
#include "transfer/one_call.h"

namespace leat {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

std::unexpected<Error> refuse(Errc code, std::string hint) {
  return std::unexpected(Error{.code = make_error_code(code),
                               .operation = "connection",
                               .mechanism = {},
                               .subject = "socket",
                               .hint = std::move(hint)});
}

Result<SinkFacts> facts_of_socket(FdRef socket) {
  const auto facts = os::socket_facts(socket);
  if (!facts) return std::unexpected(facts.error());
  if (!facts->stream) return refuse(Errc::unsupported_kind, "only stream sockets are");
  if (const auto peer = os::require_peer(socket); !peer) return std::unexpected(peer.error());
  return SinkFacts{.kind = Kind::socket,
                   .tcp = facts->tcp,
                   .nodelay = facts->tcp && os::has_nodelay(socket),
                   .is_connection = true,
                   .waiting = Waiting::never};
}

}  // namespace

void ConnectionState::begin_transfer() noexcept {
#ifdef LEAT_DEBUG
  if (fd.valid()) {
    const auto flags = os::status_flags(fd);
    assert(!flags || flags->nonblocking);  // the promise of a Connection
  }
#endif
  ++transfers;
}

void ConnectionState::end_transfer() noexcept {
  if (--transfers == 0 && close_when_idle) close_now();
}

ConnectionState::ConnectionState(ContextState& home)
    : context(&home), loans(home.lent, home.verdicts) {}

ConnectionState::~ConnectionState() { close_now(); }

void ConnectionState::take_what_came_back() noexcept {
  const std::size_t released = leat::take_releases(fd, loans, &trial);
  if (released == 0) return;
  releases += released;
  // Those that wait would not be woken by the error queue any more.
  if (awaiting_release > 0) os::signal_eventfd(context->wakeups);
}

bool ConnectionState::lends_unasked(const SourceFacts& source, const SinkFacts& sink,
                                    const Needs& needs) noexcept {
  if (source.kind != Kind::memory || source.tenure == MemoryTenure::borrowed) return false;
  if (!sink.lendable || needs.forced || needs.copies_forbidden) return false;
  return source.promised >= worth_lending && has_promising_route();
}

bool ConnectionState::has_promising_route() noexcept {
  if (!is_route_known) {
    is_route_known = true;
    if (!context->lending_routes.promise(fd)) lends_from = to_end;
  }
  return lends_from != to_end;
}

void ConnectionState::close_now() noexcept {
  take_releases();
  if (owned.valid() && loans.outstanding() > 0) {
    os::end_now(owned, reset_unless_ended);
    context->quarantine.add(std::move(owned), std::move(loans));
  }
  owned.reset();
  fd = FdRef();
}

void ConnectionState::ended_orderly() noexcept {
  if (!std::exchange(reset_unless_ended, false)) return;
  // A socket whose peer is gone may refuse the option, and then there is nothing to reset.
  [[maybe_unused]] const auto ignored = os::reset_on_close(fd, false);
}

void ConnectionState::close_way(Mechanism mechanism) noexcept {
  closed_ways |= 1u << MechanismAccess::index(mechanism);
  if (mechanism == *Mechanism::named("zerocopy_send")) lends_from = to_end;
  memory_rankings_.clear();
  messages = {};
  page_rankings_.clear();
  file_rankings_.clear();
}

const Ranking& ConnectionState::ranking_for(Kind source, std::uint64_t length) {
  RankingTable& table = source == Kind::memory ? memory_rankings_ : file_rankings_;
  if (const Ranking* const kept = table.find(length)) [[likely]]
    return *kept;
  const SourceFacts plain{.kind = source, .regular = true, .true_size = true, .promised = length};
  const Ranking ranking = rank_plain(plain);
  if (source == Kind::memory && ranking.count > 0) {
    const MechanismEntry& first = MechanismAccess::entry(ranking.order[0]);
    if (first.at_once.send) {
      messages.send = first.at_once.send;
      messages.cost = first.cost(plain, facts);
      messages.mechanism = ranking.order[0];
      messages.size_classes |= 1u << size_class(length);
    }
  }
  return table.keep(length, ranking);
}

const Ranking& ConnectionState::ranking_for_pages(std::uint64_t length) {
  if (const Ranking* const kept = page_rankings_.find(length)) return *kept;
  const Ranking ranking =
      rank_plain({.kind = Kind::memory, .tenure = MemoryTenure::never_reused, .promised = length});
  return page_rankings_.keep(length, ranking);
}

Ranking ConnectionState::rank_plain(const SourceFacts& plain) const {
  return rank(plain, facts, {.closed_ways = closed_ways, .costs = &context->costs()});
}

Connection::Connection(std::unique_ptr<ConnectionState> state) noexcept
    : state_(std::move(state)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::adopt(Context& context, OwnedFd socket, ConnectionOptions options) {
  const auto facts = facts_of_socket(socket);
  if (!facts) return std::unexpected(facts.error());
  if (const auto set = os::set_nonblocking(socket); !set) return std::unexpected(set.error());
  auto state = std::make_unique<ConnectionState>(ContextAccess::state(context));
  state->fd = socket;
  state->facts = *facts;
  // Sends that somebody else numbered before cannot be told from leat's own.
  const auto numbered = os::is_zero_copy(socket);
  state->facts.lendable = facts->tcp && numbered && !*numbered;
  if (state->facts.lendable) state->lends_from = worth_lending;
  state->reset_unless_ended = options.reset_unless_ended && facts->tcp;
  if (state->reset_unless_ended) {
    if (const auto set = os::reset_on_close(socket, true); !set)
      return std::unexpected(set.error());
  }
  state->owned = std::move(socket);
  return Connection(std::move(state));
}

Result<Connection> Connection::borrow(Context& context, FdRef socket) {
  const auto facts = facts_of_socket(socket);
  if (!facts) return std::unexpected(facts.error());
  const auto flags = os::status_flags(socket);
  if (!flags) return std::unexpected(flags.error());
  if (!flags->nonblocking) return refuse(Errc::descriptor_blocks, "set O_NONBLOCK first");
  auto state = std::make_unique<ConnectionState>(ContextAccess::state(context));
  state->fd = socket;
  state->facts = *facts;
  return Connection(std::move(state));
}

FdRef Connection::fd() const noexcept { return state_->fd; }

void Connection::close() {
  if (state_->transfers == 0) {
    state_->close_now();
  } else {
    state_->close_when_idle = true;
  }
}

namespace {

std::unexpected<Error> cut_off(Error error) {
  error.subject = "sink";
  error.hint = "the peer did not take everything";
  return std::unexpected(std::move(error));
}

// Throws away what the peer still sends. Returns true at the end of its stream.
Result<bool> discard(FdRef socket, std::span<std::byte> block, std::uint64_t& discarded) {
  constexpr int most_reads = 64;  // then look at the clock again
  for (int count = 0; count < most_reads; ++count) {
    const auto received = os::recv(socket, block, false);
    if (!received) {
      if (received.error().is(EAGAIN)) return false;
      return std::unexpected(received.error());
    }
    if (*received == 0) return true;
    discarded += *received;
  }
  return false;
}

}  // namespace

namespace {

// The kernel has no event for the last acknowledgement: it is asked again after this long.
constexpr auto acknowledgement_tick = std::chrono::milliseconds(2);

Error broken_stream(int error_number) {
  return {.code = {error_number, std::generic_category()},
          .operation = "shutdown",
          .mechanism = {},
          .subject = {},
          .hint = {}};
}

Wait wait_for_release(const ConnectionState& connection, std::optional<TimePoint> deadline) {
  Wait wait;
  wait.wake_at = deadline;
  const bool closed = connection.loans.outstanding() == 0;
  if (closed && connection.context->quarantine.empty()) return wait;  // the ring has them
  // A socket that has hung up is always ready: it is looked at again after a while instead. Those
  // that are closed are shut down.
  if (closed || (os::ready_events(connection.fd, 0) & (POLLHUP | POLLERR)) != 0) {
    const TimePoint tick = std::chrono::steady_clock::now() + acknowledgement_tick;
    wait.wake_at = deadline ? std::min(*deadline, tick) : tick;
    return wait;
  }
  wait.slots[0] = {connection.fd, 0, WaitFd::Role::sink};
  wait.count = 1;
  return wait;
}

// Returns true once nothing of what was sent is outstanding any more.
Result<bool> all_acknowledged(FdRef socket) {
  const auto left = os::unacknowledged_bytes(socket);
  if (left && *left == 0) return true;
  const int error = os::take_socket_error(socket);
  if (error == 0) return false;
  return std::unexpected(broken_stream(error));
}

// Waits for the peer's end of stream or, when that is there, for the next look at what is left.
Result<void> wait_for_peer(Nap& nap, FdRef socket, bool closed, std::optional<TimePoint> deadline) {
  auto until = deadline;
  if (closed) {
    const TimePoint tick = std::chrono::steady_clock::now() + acknowledgement_tick;
    until = deadline ? std::min(*deadline, tick) : tick;
  }
  Wait wait;
  wait.slots[0] = {socket, POLLIN, WaitFd::Role::source};
  wait.count = closed ? 0 : 1;
  wait.wake_at = until;
  return nap.wait_for(wait);
}

}  // namespace

Result<Connection::Farewell> Connection::end(std::optional<TimePoint> deadline,
                                             const std::stop_token& stop) {
  ContextState& context = *state_->context;
  state_->ended_orderly();
  if (state_->broken != 0) return cut_off(broken_stream(state_->broken));
  const auto shut = os::shutdown_write(state_->fd);
  const bool peer_is_gone = !shut && shut.error().is(ENOTCONN);
  if (!shut && !peer_is_gone) return cut_off(shut.error());

  const std::stop_callback wake(stop, [&context] { os::signal_eventfd(context.wakeups); });
  const Block block(64 << 10);
  Nap nap(context);
  Farewell farewell;
  for (;;) {
    if (!farewell.closed) {
      const auto closed = discard(state_->fd, block.bytes(), farewell.discarded);
      if (!closed) return cut_off(closed.error());
      farewell.closed = *closed;
    }
    const auto acknowledged = all_acknowledged(state_->fd);
    if (!acknowledged) return cut_off(acknowledged.error());
    farewell.acknowledged = farewell.closed && *acknowledged;
    if (farewell.closed && peer_is_gone && !*acknowledged)
      return cut_off(broken_stream(ECONNRESET));
    const bool late = deadline && std::chrono::steady_clock::now() >= *deadline;
    if (farewell.acknowledged || late || stop.stop_requested()) return farewell;
    const auto waited = wait_for_peer(nap, state_->fd, farewell.closed, deadline);
    if (!waited) return std::unexpected(waited.error());
  }
}

bool Connection::settle(Receipt& receipt, std::optional<TimePoint> deadline) {
  ContextState& context = *state_->context;
  Nap nap(context);
  for (;;) {
    state_->take_releases();
    context.quarantine.drain();
    bool pending = false;
    for (Leg& leg : receipt.legs) {
      fill_in_verdict(leg, context.verdicts);
      pending |= leg.known_by == KnownBy::pending;
    }
    if (!pending) return true;
    if (deadline && std::chrono::steady_clock::now() >= *deadline) return false;
    if (const auto waited = nap.wait_for(wait_for_release(*state_, deadline)); !waited)
      return false;
  }
}

Source::Source(Connection& connection, std::uint64_t length) noexcept
    : length_(length),
      fd_(connection.fd()),
      kind_(Kind::socket),
      connection_(connection.state_.get()) {}

Sink::Sink(Connection& connection) noexcept
    : fd_(connection.state_->fd),
      kind_(Kind::socket),
      lendable_(connection.state_->facts.lendable),
      connection_(connection.state_.get()) {}

}  // namespace leat
