// The contract of a mechanism (docs/adding-a-mechanism.md), and the registry of all of them.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <leat/context.h>
#include <leat/keeper.h>
#include <leat/mechanism.h>
#include <leat/transfer.h>

#include "buffer/block_pool.h"
#include "buffer/loans.h"
#include "buffer/pipe_pool.h"
#include "buffer/registered_pools.h"
#include "buffer/verdicts.h"
#include "endpoint/facts.h"
#include "os/file_reads.h"
#include "os/lease.h"
#include "os/ring.h"
#include "os/signal.h"

namespace leat {

/// What a pump may use besides its two ends. Lent for one step.
struct Resources {
  BlockPool& blocks;
  PipePool& pipes;
  os::Ring& ring;
  Verdicts& verdicts;
  LentBudget& lent;  ///< of the whole context
  os::SigpipeGuard& sigpipe;
  Sigpipe sigpipe_policy;
  Loans* loans = nullptr;    ///< of the sink's Connection; null on a bare descriptor
  std::uint64_t ticket = 0;  ///< of the mechanism at work in this transfer; 0: none yet
  os::FileReads* reads =
      nullptr;                    ///< that others wait for; where a source's residency is asked for
  bool copies_forbidden = false;  ///< what lends, and cannot learn whether it copied, must refuse
  RegisteredPools* registered = nullptr;  ///< whose blocks the ring knows

  /// To be called before a call that has no MSG_NOSIGNAL and may find its reader gone.
  void guard_sigpipe() {
    if (sigpipe_policy == Sigpipe::guarded) sigpipe.hold();
  }
  /// Where the kernel's verdicts on what this mechanism lends are gathered.
  std::uint64_t ticket_for_loans() {
    if (ticket == 0) ticket = verdicts.open();
    return ticket;
  }
};

/// The stretch of source and sink that a step works on. Positions already count what the pump
/// holds.
struct Passage {
  const SourceFacts& source;
  const SinkFacts& sink;
  FdRef from;
  FdRef to;
  std::uint64_t from_offset = 0;  ///< file sources that are not read at the cursor
  std::uint64_t to_offset = 0;    ///< file sinks that are not written at the cursor
  std::span<const iovec> memory;  ///< memory sources: what may be taken, `most_pieces` at most
  std::span<Keeper> keepers;      ///< one for each of `memory`, to be moved from, if it lends
  std::span<std::byte> room;      ///< memory sinks: what may be filled in this step
  Resources& resources;
  /// Of the source, while its bytes must not change: to be asked after they were copied and before
  /// they are handed on. Null: nothing to ask.
  const os::ReadLease* lease = nullptr;
  /// To be called by pumps that see the bytes or have to: with all that a step delivers, in order,
  /// before it returns. Null: nobody asks, or what was delivered can be looked at without them.
  const Witness* witness = nullptr;
};

/// How much a step may move. Both bounds hold at once: of the limit, the rate and the promise.
struct Allowance {
  std::uint64_t take;            ///< from the source; not 0 unless the pump holds bytes
  std::uint64_t deliver;         ///< to the sink; never 0
  std::uint64_t remaining;       ///< not delivered yet of this stretch; to_end if that is unknown
  bool more_follows;             ///< something of known, non-zero length is sent right after it
  std::uint64_t ahead = to_end;  ///< of a file: bytes from where it is read on before its next hole
};

/// What one pump step did. Trivially copyable; `delivered` is exact whatever the outcome.
struct Moved {
  enum class Outcome : std::uint8_t {
    progress,        ///< call again
    wait_source,     ///< the source answered EAGAIN
    wait_sink,       ///< the sink answered EAGAIN
    wait_ring,       ///< nothing can be done before an operation on the context's ring completes
    wait_release,    ///< nothing can be lent before the socket's error queue gives something back
    source_ended,    ///< and everything taken has been delivered
    too_little,      ///< the allowance is less than it moves at once; nothing was called or is held
    source_changed,  ///< the lease is lost: what was copied was not handed on, and is not counted
    refused,         ///< this way is closed for this pair; see surrender(). Nothing is in flight
    failed,          ///< the bytes cannot move by any way. Nothing is in flight
  };
  std::uint64_t taken = 0;
  std::uint64_t delivered = 0;
  std::uint32_t calls = 0;
  Outcome outcome = Outcome::progress;
  enum class Side : std::uint8_t { unknown, source, sink };
  Side side = Side::unknown;     ///< whose call it was that refused or failed, where it is known
  bool held_back = false;        ///< the last bytes were sent with MORE
  bool ring_too = false;         ///< wait_source, wait_sink: operations are in flight besides
  bool for_room = false;         ///< wait_ring: for whatever finishes, not for what it began
  bool does_without = false;     ///< goes on without what the error says it was denied; told once
  int error_number = 0;          ///< if refused, failed or denied; 0: it was no call that refused
  std::string_view operation{};  ///< the call that said so, or why without one; static storage
};

/// What a pump took and did not deliver.
struct Residue {
  std::uint64_t bytes = 0;
  Block block{};  ///< holds them from `offset` on, if valid
  std::size_t offset = 0;
  Pipe pipe{};  ///< else holds them, if valid
  /// Else these do, in this order, and `keeper` keeps them.
  std::vector<std::span<const std::byte>> pieces{};
  Keeper keeper{};
};

/// A mechanism at work inside one transfer. It keeps no pointer to anything it is lent.
class Pump {
 public:
  virtual ~Pump() = default;
  /// Makes one move: a call, or a pair of calls that belong together. Never waits unless the facts
  /// say Waiting::allowed.
  virtual Moved step(const Passage& passage, const Allowance& allowance) = 0;
  /// Gives up what it holds and its resources; it is not stepped again. What is in flight all the
  /// same goes to the ring with the memory it needs.
  virtual Residue surrender(Resources& resources) = 0;
  /// True if a step would find the result of an operation on the ring.
  virtual bool runnable() const { return false; }
  /// A step that begins nothing new: asks what is in flight to end early and counts what ended.
  /// `wait_ring` until nothing is in flight; whatever else it says is taken for the end.
  virtual Moved wind_down(Resources&) { return {}; }
};

/// Room for a pump inside its transfer: starting one allocates nothing.
class PumpSlot {
 public:
  PumpSlot() noexcept = default;
  PumpSlot(const PumpSlot&) = delete;
  PumpSlot& operator=(const PumpSlot&) = delete;
  ~PumpSlot() { clear(); }

  template <class T, class... Arguments>
  void emplace(Arguments&&... arguments) {
    static_assert(sizeof(T) <= sizeof storage_ && alignof(T) <= alignof(std::max_align_t));
    clear();
    pump_ = new (storage_) T(std::forward<Arguments>(arguments)...);
  }
  void clear() noexcept {
    if (pump_) std::exchange(pump_, nullptr)->~Pump();
  }
  Pump* get() const noexcept { return pump_; }

 private:
  alignas(std::max_align_t) std::byte storage_[128];
  Pump* pump_ = nullptr;
};

/// Whether a mechanism can serve a pair, and why. `reason` is a plain sentence without a full stop.
struct Fit {
  bool fits;
  std::string_view reason;
  /// Why another mechanism has to move the last bytes; empty: it serves the whole stretch.
  std::string_view leaves{};
};

/// What a mechanism does where a page of its source file is not in memory.
enum class ColdPages : std::uint8_t {
  may_wait,    ///< it may wait, and for more than the pages of the bytes that it moves
  wait,        ///< it waits for the pages of the bytes that it moves, and for no others
  never_wait,  ///< it has others wait, if the facts say that residency was asked for
};

/// The CPU copies a mechanism makes of each payload byte, as it is built.
struct Cost {
  std::optional<std::uint32_t> cpu_copies;  ///< nothing: only the kernel knows
  /// 0 copies hold only if the sink takes scattered pages (a network device may not).
  bool if_pages_are_taken = false;
};

/// Memory in one piece to the socket of a Connection, nothing following it, without a pump: what
/// that would cost is more than all the rest of a small message.
struct AtOnce {
  /// One call: the bytes sent, or a negated errno. Null: only pumps do it.
  std::int64_t (*send)(FdRef socket, std::span<const std::byte> memory) noexcept = nullptr;
  /// What such an answer is as a step.
  Moved (*meaning)(std::int64_t answer) = nullptr;
};

struct MechanismEntry {
  std::string_view name;
  std::string_view summary;
  /// Empty, or why it is not there on this host.
  std::string_view (*unavailable)();
  Fit (*fits)(const SourceFacts& source, const SinkFacts& sink);
  Cost (*cost)(const SourceFacts& source, const SinkFacts& sink);
  void (*start)(PumpSlot& slot, const Tuning& tuning);
  /// True if it can tell the kernel that more follows (MSG_MORE, SPLICE_F_MORE).
  bool carries_more;
  /// True if its pumps keep neither bytes nor anything of `Resources` from step to step.
  bool holds_nothing = false;
  /// True if the kernel reads the source's memory after the call: pumps get `Passage::keepers`, and
  /// only the kernel can say, later, whether it copied (`Verdicts`).
  bool lends = false;
  /// True if the bytes do not pass through this host's memory: then the blocking `transfer` lets it
  /// serve a whole range at once, and holes need no care.
  bool shares_extents = false;
  /// True if it is left to the file system, some of which have a way of their own: figures of one
  /// say nothing of another.
  bool file_system_moves = false;
  /// True if it leaves nothing in the page cache for whoever reads next: then its time alone does
  /// not say whether it is the better way, and it never comes before others because of it.
  bool passes_by_the_cache = false;
  ColdPages cold_pages = ColdPages::may_wait;
  /// True if its pumps copy before they hand anything on, and ask `Passage::lease` in between.
  bool asks_lease = false;
  /// True if its pumps call `Passage::witness`.
  bool shows_bytes = false;
  /// Of memory, that one call takes.
  std::size_t most_pieces = 1;
  AtOnce at_once{};
};

/// Every mechanism of this build, in the order of mechanisms.def.
std::span<const MechanismEntry* const> registry() noexcept;

struct MechanismAccess {
  static const MechanismEntry& entry(Mechanism mechanism) noexcept {
    return *registry()[index(mechanism)];
  }
  /// Its place in the registry, counted from 0. It must name a mechanism.
  static constexpr std::size_t index(Mechanism mechanism) noexcept {
    return mechanism.number_ - 1u;
  }
  static constexpr Mechanism at(std::size_t index) noexcept {
    Mechanism mechanism;
    mechanism.number_ = static_cast<std::uint8_t>(index + 1);
    return mechanism;
  }
};

}  // namespace leat
