#include "support/loan_model.h"

#include <algorithm>
#include <utility>

#include "support/keepers.h"

namespace leat::testing {

LoanModel::LoanModel(std::uint32_t first_number)
    : ticket_(verdicts_.open()),
      loans_(std::make_unique<Loans>(budget_, verdicts_, first_number)),
      first_number_(first_number) {}

void LoanModel::expect(bool promise, const char* what) {
  if (!promise && trouble_.empty()) trouble_ = what;
}

void LoanModel::make_memory(bool never_reused) {
  Memory& memory = memory_.emplace_back();
  memory.never_reused = never_reused;
  Keeper& held = held_.emplace_back(keeper_calling([this, &memory] {
    ++memory.releases;
    expect(memory.readers == 0 || memory.never_reused, "freed while the kernel reads it");
  }));
  held.count()->never_reused = never_reused;
}

void LoanModel::drop_memory(std::size_t choice) {
  if (!held_.empty()) held_[choice % held_.size()] = {};
}

void LoanModel::send(std::uint8_t how, std::uint8_t choice) {
  Send made;
  std::vector<Keeper> keepers;
  const std::size_t pieces = 1 + how % 3;
  for (std::size_t piece = 0; piece < pieces && !held_.empty(); ++piece) {
    const std::size_t index = (choice + piece) % held_.size();
    if (!held_[index]) continue;
    made.memory.push_back(index);
    keepers.push_back(held_[index]);
  }
  if (made.memory.empty()) return;
  const std::uint64_t asked = 100 * made.memory.size();
  for (const std::size_t index : made.memory) ++memory_[index].readers;
  loans_->note(keepers, asked, ticket_);
  if (how % 5 == 0) {  // EAGAIN, ENOBUFS, …: the kernel gives it no number
    for (const std::size_t index : made.memory) --memory_[index].readers;
    loans_->undo();
    return;
  }
  made.bytes = how % 5 == 1 ? asked / 2 : asked;
  loans_->sent(made.bytes);
  sends_.push_back(std::move(made));
  ++next_;
}

void LoanModel::complete(std::uint64_t first, std::uint64_t last, bool copied) {
  std::size_t expected = 0;
  for (std::uint64_t number = first; number <= last && number < next_; ++number) {
    Send& send = sends_[number];
    if (send.completed) continue;
    send.completed = true;
    ++expected;
    released_ += send.bytes;
    if (copied) copied_ += send.bytes;
    for (const std::size_t index : send.memory) --memory_[index].readers;
  }
  const auto wrapped = [this](std::uint64_t number) {
    return first_number_ + static_cast<std::uint32_t>(number);
  };
  expect(loans_->completed(wrapped(first), wrapped(last), copied) == expected,
         "released more or fewer sends than were named");
}

// A range round the sends that are outstanding: it may reach into those completed before, and, as
// the kernel never does, beyond the last one.
void LoanModel::complete_chosen(std::uint8_t begin, std::uint8_t count, bool copied) {
  const std::uint64_t window = std::min<std::uint64_t>(next_, 40);
  const std::uint64_t first = next_ - window + (window ? begin % (window + 2) : begin % 2);
  complete(first, first + count % 12, copied);
}

// As when a closed connection goes to the quarantine.
void LoanModel::move_loans() { loans_ = std::make_unique<Loans>(std::move(*loans_)); }

void LoanModel::check() {
  std::uint64_t outstanding = 0;
  for (const Send& send : sends_) outstanding += send.completed ? 0 : send.bytes;
  expect(loans_->bytes() == outstanding, "the bytes outstanding are others");
  expect(budget_.lent == outstanding, "the budget is off");
  const Verdicts::Account* const account = verdicts_.find(ticket_);
  expect(account && account->released == released_ && account->copied == copied_, "wrong verdict");
  for (std::size_t index = 0; index < memory_.size(); ++index) {
    const Memory& memory = memory_[index];
    const bool over = !held_[index] && memory.readers == 0;
    expect(memory.releases == (over ? 1 : 0), "not released exactly when it was over");
  }
}

void LoanModel::finish(bool give_up) {
  for (Keeper& held : held_) held = {};
  if (!give_up) {
    if (next_ > 0) complete(0, next_ - 1, false);
    check();
    return;
  }
  // Whether the kernel still reads or not: only memory that is never reused may go now.
  loans_->give_up();
  for (const Memory& memory : memory_) {
    const bool goes = memory.readers == 0 || memory.never_reused;
    expect(memory.releases == (goes ? 1 : 0), "given up wrongly");
  }
  expect(budget_.lent == 0, "given up, but still in the budget");
}

std::string LoanModel::run(std::span<const std::uint8_t> bytes) {
  std::size_t at = 0;
  const auto next = [&]() -> std::uint8_t { return at < bytes.size() ? bytes[at++] : 0; };
  while (at < bytes.size() && trouble_.empty()) {
    const std::uint8_t action = next();
    switch (action % 8) {
      case 0: make_memory((action & 8) != 0); break;
      case 1: drop_memory(next()); break;
      case 2: move_loans(); break;
      case 3:
      case 4: {
        const std::uint8_t begin = next();
        complete_chosen(begin, next(), (action & 16) != 0);
        break;
      }
      default: {
        const std::uint8_t how = next();
        send(how, next());
      }
    }
    check();
  }
  finish(!bytes.empty() && bytes.back() % 2 == 1);
  // What was given up for good calls back never: its deleter must not meet a dead model.
  loans_.reset();
  return trouble_;
}

}  // namespace leat::testing
