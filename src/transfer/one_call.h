// The short way: what one system call moves needs no engine.
#pragma once

#include <leat/transfer.h>

#include "mechanism/mechanism.h"

namespace leat {

struct ConnectionState;
struct ContextState;

/// True if nothing is asked for but the bytes of memory, or of a stretch of a file, over a kept
/// Connection, and one call may move them all.
bool is_one_call(const Source& source, const Sink& sink, const Options& options) noexcept;

/// True if the bytes are all that is asked for. No branches where none are needed: each small
/// message passes here.
[[gnu::always_inline]] inline bool asks_for_nothing_else(const Options& options) noexcept {
  const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
  const std::uint64_t asked = number(bool(options.mechanism)) | number(options.copies) |
                              number(options.consistency) | number(options.at_end) |
                              number(options.measure) | number(options.disk) |
                              number(options.deadline.has_value()) | options.rate_limit |
                              options.tuning.block_bytes | options.tuning.pipe_bytes;
  return asked == 0 && !options.stop.stop_possible() && !options.progress && !options.witness;
}

/// One move of the mechanism that the connection has chosen. What it took and did not deliver can
/// be read again. `mechanism` is none if no mechanism fits.
struct OneCall {
  Mechanism mechanism;
  Moved moved;
  Cost cost;

  bool is_all_of(const Source& source) const noexcept {
    return mechanism && moved.delivered == source.length();
  }
  /// Of a transfer that this call completed.
  void write_receipt(Receipt& receipt) const { write_complete(receipt, leg()); }
  Leg leg() const noexcept { return leg_of(mechanism, cost, moved.delivered, moved.calls); }

  static Leg leg_of(Mechanism mechanism, const Cost& cost, std::uint64_t bytes,
                    std::uint64_t calls) noexcept {
    return {.mechanism = mechanism,
            .known_by = cost.cpu_copies ? KnownBy::construction : KnownBy::unknown,
            .bytes = bytes,
            .calls = calls,
            .cpu_copied_bytes = cost.cpu_copies.value_or(0) * bytes};
  }
  static void write_complete(Receipt& receipt, const Leg& leg) {
    receipt.delivered = leg.bytes;
    receipt.legs.push_back(leg);
    receipt.ending = Ending::complete;
  }
};
OneCall make_one_call(ContextState& context, ConnectionState& connection, const Source& source);

}  // namespace leat
