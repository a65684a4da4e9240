#include "buffer/loans.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <limits>
#include <utility>

#include "os/keep_for_good.h"

namespace leat {

Loans::Loans(Loans&& other) noexcept
    : count_(std::exchange(other.count_, 0)),
      budget_(other.budget_),
      verdicts_(other.verdicts_),
      ring_(std::move(other.ring_)),
      first_(std::exchange(other.first_, 0)),
      first_number_(other.first_number_),
      bytes_(std::exchange(other.bytes_, 0)) {}

Loans::~Loans() { give_up(); }

// The order of the loans stays, from index 0 on.
void Loans::grow() {
  constexpr std::size_t first_room = 8;
  std::vector<Loan> larger(ring_.empty() ? first_room : ring_.size() * 2);
  for (std::size_t index = 0; index < count_; ++index) larger[index] = std::move(at(index));
  ring_ = std::move(larger);
  first_ = 0;
}

void Loans::note(std::span<Keeper> keepers, std::uint64_t bytes, std::uint64_t ticket) {
  if (count_ == ring_.size()) grow();
  Loan& loan = at(count_);
  for (Keeper& keeper : keepers) loan.keepers.push_back(std::move(keeper));
  loan.bytes = bytes;
  loan.ticket = ticket;
  loan.released = false;
  ++count_;
  bytes_ += bytes;
  budget_->lent += bytes;
  verdicts_->lent(ticket, bytes);
}

void Loans::sent(std::uint64_t bytes) noexcept {
  Loan& loan = at(count_ - 1);
  assert(bytes > 0 && bytes <= loan.bytes);
  const std::uint64_t less = loan.bytes - bytes;
  loan.bytes = bytes;
  bytes_ -= less;
  budget_->lent -= less;
  verdicts_->lent(loan.ticket, -less);  // the account is a sum
}

void Loans::undo() noexcept {
  Loan& loan = at(--count_);
  bytes_ -= loan.bytes;
  budget_->lent -= loan.bytes;
  verdicts_->lent(loan.ticket, -loan.bytes);
  loan.keepers.clear();
}

void Loans::release(Loan& loan, bool copied) noexcept {
  loan.released = true;
  bytes_ -= loan.bytes;
  budget_->lent -= loan.bytes;
  verdicts_->released(loan.ticket, loan.bytes, copied);
  std::ranges::move(loan.keepers, std::back_inserter(released_));
  loan.keepers.clear();
}

// An owner's release may run anything, also what changes these loans.
void Loans::let_go() noexcept {
  if (released_.empty()) return;
  std::vector<Keeper> going = std::exchange(released_, {});
  going.clear();
  if (released_.empty()) released_ = std::move(going);  // its capacity is used again
}

std::size_t Loans::release_between(std::uint32_t begin, std::uint32_t end, bool copied) noexcept {
  std::size_t released = 0;
  for (std::size_t index = begin; index < count_ && index <= end; ++index) {
    if (at(index).released) continue;
    ++released;
    release(at(index), copied);
  }
  return released;
}

std::size_t Loans::completed(std::uint32_t first, std::uint32_t last, bool copied) noexcept {
  std::size_t released = 0;
  // Distances wrap as the numbers do: one that lies before first_number_ is huge, and a range that
  // began there goes on at 0.
  const std::uint32_t begin = first - first_number_;
  const std::uint32_t end = last - first_number_;
  if (begin <= end) {
    released = release_between(begin, end, copied);
  } else {
    released = release_between(0, end, copied) +
               release_between(begin, std::numeric_limits<std::uint32_t>::max(), copied);
  }
  while (count_ > 0 && at(0).released) {
    first_ = (first_ + 1) % ring_.size();
    --count_;
    ++first_number_;
  }
  let_go();
  return released;
}

std::uint64_t Loans::give_up() noexcept {
  std::uint64_t left = 0;
  for (std::size_t index = 0; index < count_; ++index) {
    Loan& loan = at(index);
    if (loan.released) continue;
    bool kept = false;
    for (const Keeper& keeper : loan.keepers) {
      if (keeper.is_never_reused()) continue;
      kept = true;
      // For good: its allocator would hand it out again under the kernel's eyes.
      os::keep_for_good(keeper);
    }
    if (kept) left += loan.bytes;
    verdicts_->does_not_tell(loan.ticket);
    release(loan, false);
  }
  count_ = 0;
  let_go();
  return left;
}

}  // namespace leat
