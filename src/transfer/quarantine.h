// Closed connections whose memory the kernel may still read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <leat/fd.h>

#include "buffer/loans.h"
#include "transfer/lending_trial.h"

namespace leat {

/// Keeps the socket of each, shut down, until its error queue has given everything back: the queue
/// goes with the socket. Bounded: beyond `most_kept` the one that has waited longest is given up
/// (Loans::give_up). One thread.
class Quarantine {
 public:
  Quarantine() noexcept = default;
  Quarantine(const Quarantine&) = delete;
  Quarantine& operator=(const Quarantine&) = delete;
  /// Waits, at most a second, then gives up what is left.
  ~Quarantine();

  /// `socket` is shut down by its caller.
  void add(OwnedFd socket, Loans&& loans);
  /// Lets go of those that have everything back. Never waits. What an owner's release runs may come
  /// back here.
  void drain() noexcept;
  bool empty() const noexcept { return kept_.empty(); }

  std::uint64_t bytes() const noexcept;
  /// Given up for good: not freed, as the kernel might still read it.
  std::uint64_t abandoned_bytes() const noexcept { return abandoned_bytes_; }

 private:
  static constexpr std::size_t most_kept = 64;
  struct Kept {
    OwnedFd socket;
    Loans loans;
  };
  void keep_to_the_bound() noexcept;

  std::vector<std::unique_ptr<Kept>> kept_;
  bool draining_ = false;
  std::uint64_t abandoned_bytes_ = 0;
};

/// Takes everything from the error queue, and tells `trial` what it says. Returns how many sends
/// were released. Never waits.
std::size_t take_releases(FdRef socket, Loans& loans, LendingTrial* trial = nullptr) noexcept;

}  // namespace leat
