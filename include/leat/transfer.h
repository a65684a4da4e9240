/// START HERE: `transfer(source, sink)` moves bytes and returns a Receipt that says how.
///
///     auto file = leat::Source::open("movie.mkv");
///     leat::Receipt receipt = leat::transfer(std::move(*file), leat::Sink::socket(peer));
///     if (!receipt.ok()) …
///
/// Servers keep a Context per thread and a Connection per socket, and drive `Transfer`s from their
/// own event loop.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <system_error>
#include <vector>

#include <leat/connection.h>
#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/error.h>
#include <leat/mechanism.h>
#include <leat/receipt.h>

namespace leat {

struct TransferState;

using TimePoint = std::chrono::steady_clock::time_point;

/// What a transfer does with the sink once everything was delivered (and only then).
enum class AtEnd : std::uint8_t {
  leave,
  shutdown_write,  ///< shutdown(2) SHUT_WR: the peer reads the end of the stream
  close,           ///< owned sinks, and adopted Connections (after their last transfer)
};

/// May a CPU of this host copy payload bytes inside the transfer?
enum class Copies : std::uint8_t {
  allow,
  forbid,  ///< only mechanisms that facts prove to share pages; else `would_copy`
};

/// May a step wait for a disk? read(2), sendfile(2) and splice(2) do when a page of the file is not
/// in memory, whatever O_NONBLOCK says.
enum class Disk : std::uint8_t {
  may_wait,
  /// A step takes from a file only what is in memory already. What is not, the context's ring, or
  /// one of its `disk_threads`, reads ahead meanwhile; until then the transfer is `blocked`. Where
  /// neither is to be had, it fails with `would_wait`. File sinks are written as ever. Opening the
  /// file is not part of it: see leat::Opening.
  never_wait,
};

/// Which bytes does the sink get when somebody changes a source file during the transfer, or before
/// the peer has them? Memory, sockets, pipes and devices are what they are.
enum class Consistency : std::uint8_t {
  live,  ///< whatever is in the file when its pages leave; zero-copy shares them with the file
  /// Best effort: a change that shows in the file's size, times or inode when all is delivered ends
  /// the transfer with `source_changed`. Not seen: stores through a mapping that the kernel has not
  /// noticed yet, changes within one tick of the clock before Linux 6.13, and whatever happens to
  /// shared pages later. A change of mode, owner or name shows as well.
  detect,
  /// The file as it was when the first step began, whole, or an error; never a mix. Each file of a
  /// composite by itself, all of them before the first byte. In this order: a file that nobody can
  /// change (a sealed memfd, fs-verity); a nameless clone, where the file system shares extents
  /// (making it waits for the file's dirty pages to be written: not with Disk::never_wait); a read
  /// lease (fcntl(2) F_SETLEASE) while the bytes are copied. Whoever opens the file for writing
  /// waits until the transfer ends, which it does, with `source_changed`, as soon as a step sees
  /// him: within about 100 ms if it is stepped as its Waits say. A stopped transfer keeps its lease
  /// until it is resumed or destroyed, or the kernel takes it away
  /// (/proc/sys/fs/lease-break-time). Else `no_snapshot`, before the first byte, which says why:
  /// somebody has the file open for writing, it is somebody else's, …
  snapshot,
};

/// One file descriptor to wait for. `events` are poll(2)'s; 0 stands for errors and hang-ups only.
struct WaitFd {
  enum class Role : std::uint8_t { source, sink, context };
  FdRef fd;
  short events = 0;
  Role role = Role::source;
};

/// What a blocked transfer waits for: step again when *any* fd fires *or* `wake_at` passes.
/// A wait of the rate limit names no fd.
struct Wait {
  std::array<WaitFd, 2> slots;
  std::uint8_t count = 0;
  std::optional<TimePoint> wake_at;

  std::span<const WaitFd> fds() const noexcept { return {slots.data(), count}; }
};

enum class State : std::uint8_t {
  progress,  ///< step again, when it suits
  blocked,   ///< step again as `wait` says
  stopped,   ///< by the deadline, cancel() or the stop token; nothing is in flight; see resume()
  done,
  failed,
};

/// The state of a transfer after a step. Counts are totals. Trivially copyable.
struct Step {
  std::uint64_t taken = 0;      ///< bytes that left the source
  std::uint64_t delivered = 0;  ///< bytes the sink accepted
  State state = State::progress;
  Wait wait;              ///< meaningful if blocked
  std::error_code error;  ///< set if failed (Errc::source_shrank: the ending of that name)
};

/// Sizes that are chosen by measurement and seldom need changing. 0 means that choice.
struct Tuning {
  std::uint32_t block_bytes = 0;  ///< of read_write; default `default_block_bytes`
  std::uint32_t pipe_bytes = 0;   ///< of splice's private pipe; default 1 MiB or what is permitted
  /// With Disk::never_wait: a cold file is read ahead at most so far; default 4 MiB.
  std::uint32_t read_ahead_bytes = 0;
};

/// read_write's block: the fastest measured by `leat bench transfer`
/// (docs/mechanisms/read_write.md).
inline constexpr std::uint32_t default_block_bytes = 256u << 10;

/// Sees bytes that were delivered: a digest, a copy for a log. Must not move or destroy the
/// Transfer.
using Witness = std::function<void(std::span<const std::byte>)>;

struct Options {
  Mechanism mechanism{};  ///< force this one: its refusal ends the transfer
  Copies copies = Copies::allow;
  Disk disk = Disk::may_wait;
  Consistency consistency = Consistency::live;
  Durability durability =
      Durability::none;  ///< of a file sink, reached before `done`; waits for the disk
  AtEnd at_end = AtEnd::leave;
  bool measure = false;          ///< fill in Receipt::usage; two getrusage(2) calls
  std::uint64_t rate_limit = 0;  ///< bytes per second; 0 is none
  std::optional<TimePoint> deadline{};
  std::stop_token stop{};
  /// Called at the end of steps that moved bytes; must not move or destroy its Transfer.
  std::function<void(const Step&)> progress{};
  /// Called with every delivered byte, in order, holes as zeros, before the step that delivered it
  /// returns. Fast mechanisms stay in use: what they moved is read once more, beside them, where it
  /// does not pass through memory anyway (plan() says how). So of a live file that is changed
  /// between being sent and being looked at it sees other bytes than the sink got; under
  /// Consistency::snapshot, and of memory, pipes and sockets, it sees what was sent. A file that
  /// was cut off meanwhile cannot be looked at: `source_changed`.
  Witness witness{};
  Tuning tuning{};
};

/// Nothing but the bytes: Options as they are by default.
inline const Options& default_options() noexcept {
  extern const Options nothing_asked;
  return nothing_asked;
}

/// The bound on one step, in bytes taken and bytes delivered. After 2 ms it ends as well.
inline constexpr std::uint64_t default_step_limit = 2ull << 20;

/// One movement of bytes that any event loop can drive. Move-only; one thread at a time; must not
/// outlive its context. Destroying it early closes what it owns and adds stranded bytes to the
/// context's counters.
class Transfer {
 public:
  /// Plans; makes no call that can wait. What cannot work shows as `failed` at the first step.
  static Transfer start(Context& context, Source source, Sink sink,
                        const Options& options = default_options());

  Transfer(Transfer&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Transfer& operator=(Transfer&& other) noexcept;
  ~Transfer() {
    if (state_) destroy();
  }

  /// Moves what it can without waiting, at most `limit` bytes (at least one). An ended transfer
  /// repeats its ending.
  Step step(std::uint64_t limit = default_step_limit);

  /// The next steps wind it up; then it is `stopped`, with the ending `cancelled`. For resume() it
  /// keeps what it opened: the reader of a blocking pipe that was lent sees no end until it is
  /// gone.
  void cancel() noexcept;

  /// Goes on after `stopped`: with the deadline, stop token, rate and progress of `options`; the
  /// others of its members are not looked at. No byte is lost or sent twice.
  void resume(const Options& options);

  /// True if a step is worth while for a reason that the last Wait does not show.
  bool runnable() const noexcept;
  /// Has Context::poll call this once, on its thread, when this is runnable. Replaces an earlier
  /// one.
  void on_runnable(std::function<void()> callback);

  /// At any time; `unfinished` while anything is left to do.
  Receipt receipt() const;

  /// After `stopped`, `done` or `failed`: gives up what was taken and not delivered as sources, in
  /// order, for another start. To be called once; the counters no longer hold it then.
  std::vector<Source> stranded();

 private:
  explicit Transfer(TransferState* state) noexcept : state_(state) {}
  void destroy() noexcept;
  TransferState* state_;
};

/// Moves everything from `source` to `sink` and waits where it must. Never throws; what went wrong
/// is in the Receipt. Interrupted waits (signals) go on. A blocking descriptor may be waited on
/// inside the kernel, in calls of at most 2 MiB, if there is no deadline, stop token or rate limit.
Receipt transfer(Context& context, Source source, Sink sink,
                 const Options& options = default_options());
/// The same in the context of the Connection that is the sink or the source, else with one of its
/// own.
Receipt transfer(Source source, Sink sink, const Options& options = default_options());

}  // namespace leat
