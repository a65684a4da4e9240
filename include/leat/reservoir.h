/// One stream feeds several transfers, without copying it: see tee(2).
///
///     auto reservoir = leat::Reservoir::create(context, 2);
///     Transfer feeder = Transfer::start(context, source, reservoir->inlet(), close_at_end);
///     Transfer left = Transfer::start(context, reservoir->tap(0), leat::Sink::socket(one));
///     Transfer right = Transfer::start(context, reservoir->tap(1), leat::Sink::socket(other));
///     // One poll loop steps all four, each as its own Wait says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/error.h>
#include <leat/transfer.h>

namespace leat {

struct ReservoirOptions {
  /// The capacity asked for, of the inlet and of each tap: how far one reader may be ahead of
  /// another. 0: 1 MiB. Less where the context's budget or pipe(7)'s limits say so.
  std::uint32_t pipe_bytes = 0;
};

/// Pipes with one inlet and several taps: each byte that goes in at the inlet comes out at every
/// tap. What passes are references to pages, so the bytes stay live: a file that is edited
/// meanwhile may be read by some in its old form and by others in its new one.
///
/// The slowest reader sets the pace of all: once its tap is full, nobody gets more, and the feeder
/// waits. There is no lag limit yet; to go on without a slow reader, destroy its transfer. A tap
/// whose reader is gone is dropped, and the others go on; a tap that nobody takes fills up and
/// holds up the rest.
///
/// The end. When the inlet is closed (by its transfer with AtEnd::close, or by destroying it) and
/// what is inside has gone to every tap, the taps are closed and the reservoir is `done`: the
/// taps' transfers end with `end_of_source`. A pipe has no other end than this one, so a stream
/// that was cut off must not get that far: if the feeder's transfer fails, or the reservoir does,
/// cancel the taps' transfers *before* destroying either, or give the taps a length, so that they
/// end with `source_shrank`.
///
/// Belongs to its context's thread and must not outlive the context. Bytes inside that some tap did
/// not get, or that are in a tap that nobody took, are added to the context's `stranded_bytes` when
/// it fails or is destroyed. Move-only.
class Reservoir {
 public:
  /// Makes `taps` + 1 pipes of the context's budget, which they count against until the reservoir
  /// has closed its end of them.
  /// Errors: EINVAL (no taps); EMFILE, ENFILE; ENOBUFS (the budget is used up); ENOSYS, EPERM,
  /// EACCES (tee(2) or splice(2) is denied); ENOENT, EACCES (no /dev/null here).
  static Result<Reservoir> create(Context& context, std::size_t taps,
                                  ReservoirOptions options = {});
  Reservoir(Reservoir&&) noexcept;
  Reservoir& operator=(Reservoir&&) noexcept;
  ~Reservoir();

  /// Where the feeder writes to: an owned, non-blocking pipe. To be asked for once; after that it
  /// is a closed descriptor (EBADF).
  Sink inlet() noexcept;
  /// Where a reader takes everything from: an owned, non-blocking pipe. `length` is a promise, as
  /// of every Source. To be asked for once for each `index` below the number of taps; else it is a
  /// closed descriptor (EBADF).
  Source tap(std::size_t index, std::uint64_t length = to_end) noexcept;

  /// Passes on what is inside, without waiting: at most `limit` bytes, and for about 2 ms. Of the
  /// answer, `taken` is what some tap has been given, `delivered` what every tap has. Never
  /// `stopped`. `failed` with EPIPE: the last tap was dropped; or tee(2) or splice(2) was refused,
  /// see error(). The inlet is closed then, so that its transfer ends with EPIPE; the taps stay
  /// open.
  ///
  /// It waits for the inlet (role `source`), with an eye on one tap, or for at most two taps that
  /// hold up everything (role `sink`).
  Step step(std::uint64_t limit = default_step_limit);

  /// Taps that still take bytes.
  std::size_t living_taps() const noexcept;
  /// Taps whose reader went away before the end.
  std::size_t dropped_taps() const noexcept;
  /// Bytes that tap `index` has been given, also after it was dropped.
  std::uint64_t given(std::size_t index) const noexcept;
  /// What went wrong; set exactly if `failed`.
  const std::optional<Error>& error() const noexcept;

 private:
  struct State;
  explicit Reservoir(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace leat
