// One movement at work: walks the parts of its source and lets one pump at a time move them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include <leat/transfer.h>

#include "mechanism/mechanism.h"
#include "plan/rank.h"
#include "transfer/holes.h"
#include "transfer/ledger.h"
#include "transfer/one_call.h"
#include "transfer/pace.h"
#include "transfer/preallocation.h"
#include "transfer/read_ahead.h"
#include "transfer/snapshot.h"

namespace leat {

struct ContextState;
struct ConnectionState;

/// What a transfer's blocking driver allows beyond what an event loop does.
struct DriverRights {
  bool may_wait = false;  ///< inside the kernel, on a blocking descriptor
  /// Bytes that one step may move without this host touching them, beyond its limit.
  std::uint64_t sharing_limit = 0;
  bool steps_on = false;  ///< at once, or when what it waits for is there: a cork may stay so long
};

/// How far the bytes of one part, or of one residue, have come.
struct Place {
  std::uint64_t taken = 0;
  std::uint64_t delivered = 0;
  std::uint64_t held() const { return taken - delivered; }
};

/// What a pump took and gave up: a source that comes before the parts that are left, uncounted.
struct Leftover {
  Source source;
  Place place;
};

/// Memory parts in a row, for one call.
struct Gathered {
  std::span<const iovec> pieces;
  std::uint64_t remaining = 0;  // of the parts looked at, beyond the pieces too
  std::size_t last_part = 0;
};

/// A step under way: what is left of its bounds, and what is lent to pumps.
struct StepWork {
  std::uint64_t limit;
  std::uint64_t taken = 0;
  std::uint64_t delivered = 0;
  unsigned moves = 0;
  std::optional<TimePoint> began{};  // read before the second move
  Resources resources;
};

/// Lives inside a TransferState and never moves.
struct Engine {
  Engine(ContextState& home, Source& from, Sink& to, const Options& wishes, DriverRights rights);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // transfer/step.cc
  Step step(std::uint64_t limit);
  // transfer/ending.cc
  /// Goes on after a move that was made before this transfer began.
  void carry_on(const OneCall& before);
  void resume(const Options& options);
  void write_receipt(Receipt& receipt) const;
  std::vector<Source> give_up_stranded();

  bool ended() const { return state == State::done || state == State::failed || is_stopped(); }
  bool is_stopped() const { return state == State::stopped; }
  bool stop_wanted() const { return cancelled || stop_requested.load(std::memory_order_acquire); }
  bool runnable() const;
  std::uint64_t stranded_bytes() const;

  ContextState& context;
  Options options;
  DriverRights rights;
  Needs needs;
  Source& source;  // the whole; its parts, if it has any, are walked
  bool composite = false;
  Sink& sink;
  SinkFacts sink_facts;
  FdRef sink_fd;
  OwnedFd sink_description;  // of a blocking pipe that was lent
  OwnedFd source_description;
  ConnectionState* sink_connection = nullptr;

  // The place in the source. Leftovers come before the parts that are left.
  std::vector<Leftover> leftovers;  // the first is at the back
  std::size_t part = 0;
  Place part_place;
  std::size_t run_end = 0;           // memory parts before this one go with the current one
  std::optional<SourceFacts> facts;  // of the current leftover or part; nothing: it has not begun
  FdRef source_fd;
  bool open_ended = false;  // some part promised no length

  PumpSlot pump;
  Ranking ranking;
  std::uint32_t closed_ways = 0;  // bit i: mechanism i refused in this part
  bool unseen = false;            // what was read of this part does not show as being in memory
  std::optional<Moved> last_refusal;
  std::vector<Keeper> keepers;   // of what the next pump step may lend
  bool winding = false;          // stopping, but operations are in flight
  bool awaits_ring = false;      // the last Wait names the context
  bool awaits_verdicts = false;  // all is delivered, but not all memory is back
  bool awaits_release = false;   // the last Wait is for the sink's error queue
  std::uint64_t releases_seen = 0;
  std::optional<std::uint64_t> awaits_finish;  // the ring's count then: for whatever finishes next
  bool held_back = false;                      // the last bytes went out with MORE
  bool corked = false;

  std::uint64_t taken = 0;
  std::uint64_t delivered = 0;
  State state = State::progress;
  Ending ending = Ending::unfinished;
  std::optional<Error> error;
  Ledger ledger;
  HoleWalk holes;
  std::unique_ptr<ReadAhead> read_ahead;  // with Disk::never_wait, from the first file on
  Preallocation preallocation;
  Snapshot secured;
  std::uint64_t hole_bytes = 0;
  Pace pace;
  std::optional<Usage> usage_at_start;
  std::optional<Usage> usage_at_end;
  bool was_blocked = false;  // by the last step
  bool has_blocked = false;  // by any step
  Wait last_wait;
  unsigned moveless = 0;      // moves in a row that moved nothing
  bool unwitnessed = false;   // the witness missed bytes that are not in the file any more
  bool ends_in_hole = false;  // the sink's size is still to be set

  bool cancelled = false;
  std::atomic<bool> stop_requested = false;
  struct OnStop {
    Engine* engine;
    void operator()() const noexcept;
  };
  std::optional<std::stop_callback<OnStop>> stop_callback;
  std::function<void()> on_runnable;

  // transfer/start.cc
  void prepare();
  Result<void> look_at_ends();
  Result<void> promise_lengths();
  void watch_stop_token();

  // transfer/parts.cc
  std::span<Source> parts() { return composite ? source.parts() : std::span(&source, 1); }
  bool has_part() { return in_leftover() || part < parts().size(); }
  bool in_leftover() const { return !leftovers.empty(); }
  Source& current() { return in_leftover() ? leftovers.back().source : parts()[part]; }
  Place& place() { return in_leftover() ? leftovers.back().place : part_place; }
  Result<void> begin_part();
  Result<void> plan_part(Source& part_source, std::optional<Cached> cached = {});
  std::uint32_t closed_before();
  bool lends_first();
  void finish_part();
  Gathered gather(std::uint64_t limit, std::size_t most_pieces);
  std::span<Keeper> keepers_of(const Gathered& gathered);
  bool more_follows_after(std::size_t index);
  void advance(std::uint64_t newly_taken, std::uint64_t newly_delivered);
  void drop_pump();

  // transfer/cold.cc
  Result<void> mind_disk();
  enum class Found : std::uint8_t { some, again, nothing };
  Found find_resident(std::uint64_t bound, std::uint64_t& resident);
  Found found(ReadAhead::Look look, std::uint64_t& resident);
  void block_on_disk(bool whatever_finishes);
  bool reads_for_itself() const;

  // transfer/witness.cc
  bool is_shown_by_pump() const;
  void show(std::uint64_t newly_delivered);
  void show_memory(std::uint64_t count);
  void show_hole(std::uint64_t count);
  void show_again(std::uint64_t offset, std::uint64_t count);

  // transfer/step.cc
  void run(StepWork& work);
  bool is_secured();
  bool move_once(StepWork& work);
  bool may_move(StepWork& work);
  bool skip_hole(StepWork& work);
  bool preallocate();
  Moved pump_once(StepWork& work, std::uint64_t bound, std::uint64_t resident);
  Cost cost_now() const;
  bool account(StepWork& work, const Moved& moved);
  std::uint64_t bound_of(const StepWork& work);
  bool source_ended();
  bool await_more(const StepWork& work, Moved moved);
  bool is_to_be_corked(const Allowance& allowance, const MechanismEntry& entry) const;
  bool next_candidate(const Moved& moved);
  void block_on(WaitFd::Role role, bool ring_too);
  void block_on_ring(bool whatever_finishes = false);
  void block_on_release();
  Resources resources_with(os::SigpipeGuard& guard, Sigpipe policy);
  void take_releases();
  void check_fruitless_wake(const StepWork& work);
  bool stays_corked() const;
  void push();
  Mechanism mechanism() const { return ranking.order[0]; }

  // transfer/ending.cc
  void finish();
  Result<void> end_sink();
  void stop(Ending why, Resources& resources);
  bool wound_down(Resources& resources);
  bool has_all_verdicts();
  static Error copied_after_all();
  static Error source_changed();
  void fail(Error why);
  void fail_with(const Moved& moved);
  void mark_broken(const Moved& moved);
  void wind_up();
  void close_description();
  Step snapshot() const;
};

}  // namespace leat
