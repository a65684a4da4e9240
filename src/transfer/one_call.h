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
  void write_receipt(Receipt& receipt) const {
    receipt.delivered = moved.delivered;
    receipt.legs.push_back(leg());
    receipt.ending = Ending::complete;
  }
  Leg leg() const noexcept {
    return {.mechanism = mechanism,
            .known_by = cost.cpu_copies ? KnownBy::construction : KnownBy::unknown,
            .bytes = moved.delivered,
            .calls = moved.calls,
            .cpu_copied_bytes = cost.cpu_copies.value_or(0) * moved.delivered};
  }
};
OneCall make_one_call(ContextState& context, ConnectionState& connection, const Source& source);

}  // namespace leat
