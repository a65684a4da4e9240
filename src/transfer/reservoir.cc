#include <poll.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

#include <leat/reservoir.h>

#include "os/error.h"
#include "os/file.h"
#include "os/signal.h"
#include "os/splice.h"
#include "os/tee.h"
#include "os/wait.h"
#include "transfer/context_state.h"

namespace leat {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t default_pipe_bytes = 1 << 20;
constexpr std::chrono::milliseconds longest_step{2};
// When both sides say they are ready and yet nothing moves: look again after this long.
constexpr std::chrono::milliseconds back_off{10};
constexpr unsigned most_moveless = 3;

std::uint64_t saturated_sum(std::uint64_t one, std::uint64_t other) {
  return one > std::numeric_limits<std::uint64_t>::max() - other
             ? std::numeric_limits<std::uint64_t>::max()
             : one + other;
}

Error with_hint(Error error, std::string hint) {
  error.hint = std::move(hint);
  return error;
}

// tee and splice on empty pipes say EAGAIN; anything else says that they are denied.
Result<void> unless_denied(const Result<std::uint64_t>& asked) {
  if (asked || asked.error().is(EAGAIN)) return {};
  return std::unexpected(with_hint(asked.error(), "give each sink a source of its own"));
}

}  // namespace

// tee(2) always duplicates from the front of the inlet, so a tap is fed only when it has nothing of
// what is in there: what it was given before must have been consumed by then. What every living tap
// has been given is consumed at once, by splicing it to /dev/null.
struct Reservoir::State {
  struct Tap {
    Pipe pipe;  // `write` is closed when it is dropped or done, `read` is gone when it is taken
    std::uint64_t given = 0;
    std::uint64_t lost = 0;  // in the inlet when that was closed, and not given to this one
    bool dropped = false;
    bool living() const { return pipe.write.valid(); }
  };

  explicit State(ContextState& home) : context(home) {}
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Result<void> make_pipes(std::size_t count, std::uint64_t bytes);

  Step step(std::uint64_t limit);
  void run(std::uint64_t limit, os::SigpipeGuard& guard);
  bool feed_all(std::uint64_t most, os::SigpipeGuard& guard);
  bool feed(Tap& tap, std::uint64_t most, os::SigpipeGuard& guard);
  void note_what_holds_up(const Tap& tap);
  bool consume(std::uint64_t most);
  bool block();
  void wait_for_inlet();
  void hold_up(const Tap& tap);

  void drop(Tap& tap);
  void drop_the_gone();
  void close(Tap& tap);
  void close_inlet();
  void finish();
  void fail(Error why);
  bool ended() const { return state == leat::State::done || state == leat::State::failed; }
  std::uint64_t least_given() const;
  std::uint64_t most_given() const;
  std::size_t living() const;

  ContextState& context;
  OwnedFd nowhere;  // /dev/null
  Pipe inlet;
  std::vector<Tap> taps;
  std::uint64_t consumed = 0;  // what is in the inlet begins at this position of the stream
  std::uint64_t lost = 0;      // when no tap was left
  leat::State state = leat::State::progress;
  std::optional<Error> error;
  Wait wait;

  // What the taps that were to be fed in this round met.
  bool inlet_ended = false;
  bool inlet_is_empty = false;
};

Reservoir::State::~State() {
  close_inlet();
  for (Tap& tap : taps) {
    if (tap.dropped) continue;
    const bool is_taken = !tap.pipe.read.valid();
    const std::uint64_t inside = is_taken ? 0 : os::bytes_in_pipe(tap.pipe.read).value_or(0);
    lost = std::max(lost, tap.lost + inside);
    close(tap);
  }
  context.stranded_bytes += lost;
}

Result<void> Reservoir::State::make_pipes(std::size_t count, std::uint64_t bytes) {
  auto leased = context.pipes.lease(bytes);
  if (!leased) return std::unexpected(std::move(leased.error()));
  inlet = std::move(*leased);
  taps.reserve(count);
  while (taps.size() < count) {
    leased = context.pipes.lease(bytes);
    if (!leased) return std::unexpected(std::move(leased.error()));
    taps.push_back({.pipe = std::move(*leased)});
  }
  if (auto there = unless_denied(os::tee(inlet.read, taps[0].pipe.write, 1)); !there) return there;
  return unless_denied(os::splice(inlet.read, nullptr, nowhere, nullptr, 1, false));
}

Step Reservoir::State::step(std::uint64_t limit) {
  if (!ended()) {
    os::SigpipeGuard guard;
    if (context.options.sigpipe == Sigpipe::guarded) guard.hold();
    state = leat::State::progress;
    wait = {};
    run(std::max<std::uint64_t>(limit, 1), guard);
  }
  Step step;
  step.taken = most_given();
  step.delivered = consumed;
  step.state = state;
  if (state == leat::State::blocked) step.wait = wait;
  if (error) step.error = error->code;
  return step;
}

void Reservoir::State::run(std::uint64_t limit, os::SigpipeGuard& guard) {
  const std::uint64_t most_to_give = saturated_sum(most_given(), limit);
  const std::uint64_t most_to_consume = saturated_sum(consumed, limit);
  std::optional<TimePoint> began;
  for (unsigned moveless = 0; consumed < most_to_consume;) {
    const bool fed = feed_all(most_to_give, guard);
    if (state == leat::State::failed) return;
    if (living() == 0)
      return fail(with_hint(os::make_error(EPIPE, "tee").error(), "all readers are gone"));
    if (inlet_ended) return finish();
    const bool moved = consume(most_to_consume) || fed;
    if (state == leat::State::failed) return;
    if (!moved) {
      if (block()) return;
      if (++moveless < most_moveless) continue;
      state = leat::State::blocked;
      wait.wake_at = Clock::now() + back_off;
      return;
    }
    const TimePoint now = Clock::now();
    if (!began) began = now;
    if (now - *began >= longest_step) return;
  }
}

// Gives every tap that can be fed what is inside. True if anything changed by that.
bool Reservoir::State::feed_all(std::uint64_t most, os::SigpipeGuard& guard) {
  inlet_ended = inlet_is_empty = false;
  wait.count = 0;
  bool changed = false;
  for (Tap& tap : taps) {
    if (!tap.living() || tap.given > consumed) continue;
    changed = feed(tap, most, guard) || changed;
    if (ended() || inlet_ended || inlet_is_empty) break;
  }
  return changed;
}

bool Reservoir::State::feed(Tap& tap, std::uint64_t most, os::SigpipeGuard& guard) {
  const auto teed = os::tee(inlet.read, tap.pipe.write, most - tap.given);
  if (teed) {
    tap.given += *teed;
    inlet_ended = *teed == 0;
    return !inlet_ended;
  }
  if (teed.error().is(EPIPE)) {
    guard.raised();
    drop(tap);
    return true;
  }
  if (teed.error().is(EAGAIN)) {
    note_what_holds_up(tap);
  } else {
    fail(with_hint(teed.error(), "give each sink a source of its own"));
  }
  return false;
}

// EAGAIN does not say which side it was; poll(2) does. If both look ready something has changed in
// between.
void Reservoir::State::note_what_holds_up(const Tap& tap) {
  if ((os::ready_events(inlet.read, POLLIN) & (POLLIN | POLLHUP)) == 0) {
    inlet_is_empty = true;
  } else if ((os::ready_events(tap.pipe.write, POLLOUT) & (POLLOUT | POLLERR)) == 0) {
    hold_up(tap);
  }
}

// Each of them alone keeps all from going on, so two are as good as all of them.
void Reservoir::State::hold_up(const Tap& tap) {
  if (wait.count == wait.slots.size()) return;
  wait.slots[wait.count++] = {tap.pipe.write, POLLOUT, WaitFd::Role::sink};
}

bool Reservoir::State::consume(std::uint64_t most) {
  const std::uint64_t count = std::min(least_given(), most) - consumed;
  if (count == 0) return false;
  const auto spliced = os::splice(inlet.read, nullptr, nowhere, nullptr, count, false);
  if (!spliced) {
    if (!spliced.error().is(EAGAIN)) fail(with_hint(spliced.error(), "it went to /dev/null"));
    return false;
  }
  consumed += *spliced;
  return *spliced > 0;
}

// Nothing moved. False if nobody can say why.
bool Reservoir::State::block() {
  if (inlet_is_empty) {
    wait_for_inlet();
  } else if (wait.count > 0) {
    state = leat::State::blocked;
  } else {
    return false;
  }
  return true;
}

// A full tap shows by itself that its reader is gone, but while the inlet is silent no call would.
// The inlet is never named beside a full tap: once its writer is gone it stays readable.
void Reservoir::State::wait_for_inlet() {
  drop_the_gone();
  const auto watched = std::ranges::find_if(taps, &Tap::living);
  if (watched == taps.end())
    return fail(with_hint(os::make_error(EPIPE, "poll").error(), "all readers are gone"));
  wait.slots[0] = {inlet.read, POLLIN, WaitFd::Role::source};
  wait.slots[1] = {watched->pipe.write, 0, WaitFd::Role::sink};
  wait.count = 2;
  state = leat::State::blocked;
}

void Reservoir::State::drop_the_gone() {
  for (Tap& tap : taps) {
    if (tap.living() && (os::ready_events(tap.pipe.write, 0) & POLLERR) != 0) drop(tap);
  }
}

void Reservoir::State::drop(Tap& tap) {
  close(tap);
  tap.dropped = true;
}

void Reservoir::State::close(Tap& tap) {
  if (!tap.living()) return;
  context.pipes.write_off(tap.pipe);
  tap.pipe.write.reset();
}

// What is inside belongs to those that have not got it yet; to nobody's reader, if none is left.
void Reservoir::State::close_inlet() {
  if (!inlet.valid()) return;
  const std::uint64_t inside = os::bytes_in_pipe(inlet.read).value_or(0);
  if (living() == 0) lost = inside;
  for (Tap& tap : taps) {
    if (tap.living()) tap.lost = inside - std::min(inside, tap.given - consumed);
  }
  context.pipes.destroy(std::exchange(inlet, {}));
}

void Reservoir::State::finish() {
  for (Tap& tap : taps) close(tap);
  context.pipes.destroy(std::exchange(inlet, {}));
  state = leat::State::done;
}

void Reservoir::State::fail(Error why) {
  close_inlet();
  error = std::move(why);
  state = leat::State::failed;
}

std::uint64_t Reservoir::State::least_given() const {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (const Tap& tap : taps) {
    if (tap.living()) least = std::min(least, tap.given);
  }
  return least;
}

std::uint64_t Reservoir::State::most_given() const {
  std::uint64_t most = consumed;
  for (const Tap& tap : taps) most = std::max(most, tap.given);
  return most;
}

std::size_t Reservoir::State::living() const {
  return static_cast<std::size_t>(std::ranges::count_if(taps, &Tap::living));
}

Reservoir::Reservoir(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Reservoir::Reservoir(Reservoir&&) noexcept = default;
Reservoir& Reservoir::operator=(Reservoir&&) noexcept = default;
Reservoir::~Reservoir() = default;

Result<Reservoir> Reservoir::create(Context& context, std::size_t taps, ReservoirOptions options) {
  if (taps == 0)
    return std::unexpected(
        with_hint(os::make_error(EINVAL, "reservoir").error(), "it needs a tap"));
  auto state = std::make_unique<State>(ContextAccess::state(context));
  auto nowhere = os::open_for_writing("/dev/null", {});
  if (!nowhere) {
    nowhere.error().subject = "/dev/null";
    return std::unexpected(std::move(nowhere.error()));
  }
  state->nowhere = std::move(*nowhere);
  const std::uint64_t bytes = options.pipe_bytes ? options.pipe_bytes : default_pipe_bytes;
  if (auto made = state->make_pipes(taps, bytes); !made) return std::unexpected(made.error());
  return Reservoir(std::move(state));
}

Sink Reservoir::inlet() noexcept { return Sink::pipe(std::move(state_->inlet.write)); }

Source Reservoir::tap(std::size_t index, std::uint64_t length) noexcept {
  if (index >= state_->taps.size()) return Source::pipe(OwnedFd(), length);
  return Source::pipe(std::move(state_->taps[index].pipe.read), length);
}

Step Reservoir::step(std::uint64_t limit) { return state_->step(limit); }

std::size_t Reservoir::living_taps() const noexcept { return state_->living(); }

std::size_t Reservoir::dropped_taps() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(state_->taps, &State::Tap::dropped));
}

std::uint64_t Reservoir::given(std::size_t index) const noexcept {
  return index < state_->taps.size() ? state_->taps[index].given : 0;
}

const std::optional<Error>& Reservoir::error() const noexcept { return state_->error; }

}  // namespace leat
