// What one event loop has to carry at once: a file to a slow socket, a relay in both directions of
// which one half-closes early, a rate-limited copy, a transfer that another thread stops, and
// memory that goes out by the context's ring, much of it beside little.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <leat/transfer.h>

#include "support/ends.h"
#include "support/streams.h"

namespace leat::testing {

/// Watches the steps of one transfer from its progress callback.
struct StepWatch {
  std::uint64_t limit = default_step_limit;
  std::uint64_t moving_steps = 0;
  std::uint64_t taken = 0;
  std::uint64_t delivered = 0;
  std::string trouble;

  void saw(const Step& step);
};

class Scene {
 public:
  Scene();

  struct Act {
    Source source;
    Sink sink;
    Options options;
  };
  Act slow_socket();
  Act relay_out();   ///< client to server; the client half-closes after a few bytes
  Act relay_back();  ///< server to client, and that is much
  Act limited_copy();
  Act stopped();  ///< waits for ever for a silent pipe, until another thread stops it
  static constexpr std::size_t ring_acts = 6;
  Act on_ring(std::size_t index);  ///< memory by the context's ring; the first is much

  /// After all have ended: what is wrong with what arrived, or with a receipt.
  struct Receipts {
    Receipt slow_socket, relay_out, relay_back, limited_copy, stopped;
    std::array<Receipt, ring_acts> on_ring;
  };
  std::string examine(const Receipts& receipts);
  /// Steps that moved bytes, of all transfers.
  std::uint64_t moving_steps() const;

  static constexpr std::uint64_t slow_bytes = (1u << 20) + 11;
  static constexpr std::uint64_t out_bytes = 1000;
  static constexpr std::uint64_t back_bytes = (8u << 20) + 3;
  static constexpr std::uint64_t limited_bytes = 1u << 20;
  static constexpr std::uint64_t rate = 8u << 20;

 private:
  Options watched(StepWatch& watch);
  static std::uint64_t ring_bytes(std::size_t index) {
    return index == 0 ? (6u << 20) + 5 : 1000 * index;
  }

  StepWatch watches_[5 + ring_acts];
  std::array<std::unique_ptr<SinkEnd>, ring_acts> ring_sinks_;
  std::unique_ptr<SourceEnd> slow_source_;
  std::unique_ptr<SinkEnd> slow_sink_;
  Pair client_;  // `from` is the relay's side, `to` the client's
  Pair server_;  // `to` is the server's side, `from` the relay's
  std::unique_ptr<SourceEnd> limited_source_;
  std::unique_ptr<SinkEnd> limited_sink_;
  std::chrono::steady_clock::time_point began_;
  Pair silent_ = make_pipe_pair();
  Pair unread_ = make_tcp_pair();  // of its own: the relay's are hung up at some time
  std::stop_source stop_;
  std::optional<Drainer> client_reads_;
  std::optional<Drainer> server_reads_;
  std::optional<Feeder> client_writes_;
  std::optional<Feeder> server_writes_;
  std::jthread stopper_;
};

}  // namespace leat::testing
