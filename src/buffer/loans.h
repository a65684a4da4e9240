// Memory that a socket's MSG_ZEROCOPY sends have lent to the kernel, until its error queue gives it
// back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <leat/keeper.h>

#include "buffer/verdicts.h"

namespace leat {

/// How much all sockets of a context may lend together.
struct LentBudget {
  std::uint64_t limit = 0;
  std::uint64_t lent = 0;
  std::uint64_t on_ring = 0;  ///< part of `lent`: comes back through the context's ring
  bool has_room_for(std::uint64_t bytes) const { return lent <= limit && bytes <= limit - lent; }
};

/// Mirrors how the kernel numbers the sends of one socket: each successful, non-empty send gets the
/// next 32-bit number, and completions name inclusive ranges of them, in any order, merged or not,
/// wrapping at 2^32. A slice is released exactly once, when its send is completed; what that runs
/// may use the loans. One thread. See Documentation/networking/msg_zerocopy.rst of the kernel.
class Loans {
 public:
  /// `first_number` is what the socket gives its next send: 0 unless somebody has sent before.
  Loans(LentBudget& budget, Verdicts& verdicts, std::uint32_t first_number = 0) noexcept
      : budget_(&budget), verdicts_(&verdicts), first_number_(first_number) {}
  Loans(Loans&& other) noexcept;
  Loans& operator=(Loans&&) = delete;
  /// Nothing may be outstanding but what `give_up` left.
  ~Loans();

  /// Before the call: its completion may be there as soon as the call returns. Moves from
  /// `keepers`. The loan stays open until `sent` or `undo`.
  void note(std::span<Keeper> keepers, std::uint64_t bytes, std::uint64_t ticket);
  /// The call took `bytes`, at least one.
  void sent(std::uint64_t bytes) noexcept;
  /// The call failed, or took nothing: it has no number.
  void undo() noexcept;

  /// The sends `first` … `last`, inclusive. Numbers that are not outstanding are passed over:
  /// returns how many sends were released.
  std::size_t completed(std::uint32_t first, std::uint32_t last, bool copied) noexcept;

  /// Lets go of memory that is safe to give back while the kernel reads it, and of nothing else;
  /// what is left is never freed. The kernel has given no verdict on any of it. Returns the bytes
  /// that are left.
  std::uint64_t give_up() noexcept;

  std::size_t outstanding() const noexcept { return count_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

  bool enabled = false;  ///< SO_ZEROCOPY has been set

 private:
  struct Loan {
    std::vector<Keeper> keepers;  // its capacity is used again
    std::uint64_t bytes = 0;
    std::uint64_t ticket = 0;
    bool released = false;
  };
  Loan& at(std::size_t index) noexcept { return ring_[(first_ + index) % ring_.size()]; }
  void release(Loan& loan, bool copied) noexcept;
  void let_go() noexcept;
  std::size_t release_between(std::uint32_t begin, std::uint32_t end, bool copied) noexcept;
  void grow();

  std::size_t count_ = 0;
  LentBudget* budget_;
  Verdicts* verdicts_;
  std::vector<Loan> ring_;        // count_ loans from first_ on, around the end
  std::vector<Keeper> released_;  // let go once all is in order
  std::size_t first_ = 0;
  std::uint32_t first_number_;  // the kernel's, of the loan at first_
  std::uint64_t bytes_ = 0;
};

}  // namespace leat
