#include "buffer/verdicts.h"

namespace leat {

std::uint64_t Verdicts::open() {
  while (accounts_.size() >= most_kept && !accounts_.front().pending()) {
    accounts_.pop_front();
    ++first_;
  }
  accounts_.emplace_back();
  return first_ + accounts_.size() - 1;
}

Verdicts::Account* Verdicts::at(std::uint64_t ticket) noexcept {
  const bool known = ticket >= first_ && ticket - first_ < accounts_.size();
  return known ? &accounts_[ticket - first_] : nullptr;
}

const Verdicts::Account* Verdicts::find(std::uint64_t ticket) const noexcept {
  return const_cast<Verdicts*>(this)->at(ticket);
}

void Verdicts::lent(std::uint64_t ticket, std::uint64_t bytes) noexcept {
  if (Account* const account = at(ticket)) account->lent += bytes;
}

void Verdicts::released(std::uint64_t ticket, std::uint64_t bytes, bool copied) noexcept {
  Account* const account = at(ticket);
  if (!account) return;
  account->released += bytes;
  if (copied) account->copied += bytes;
}

void Verdicts::does_not_tell(std::uint64_t ticket) noexcept {
  if (Account* const account = at(ticket)) account->tells = false;
}

}  // namespace leat
