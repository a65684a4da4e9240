#include "transfer/quarantine.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "os/error_queue.h"
#include "os/wait.h"

namespace leat {
namespace {

constexpr std::chrono::seconds longest_farewell{1};
constexpr std::chrono::milliseconds tick{2};

}  // namespace

std::size_t take_releases(FdRef socket, Loans& loans, LendingTrial* trial) noexcept {
  std::size_t released = 0;
  while (loans.outstanding() > 0) {
    const auto sends = os::next_release(socket);
    if (!sends || !*sends) break;
    if (trial) trial->released((*sends)->copied);
    released += loans.completed((*sends)->first, (*sends)->last, (*sends)->copied);
  }
  return released;
}

Quarantine::~Quarantine() {
  const auto until = std::chrono::steady_clock::now() + longest_farewell;
  for (;;) {
    drain();
    const auto now = std::chrono::steady_clock::now();
    if (kept_.empty() || now >= until) break;
    // Sockets that are shut down say POLLHUP all the time: they are asked again after this long.
    const auto waited = os::wait({}, now + tick);
    if (!waited && !waited.error().is(EINTR)) break;
  }
}

void Quarantine::add(OwnedFd socket, Loans&& loans) {
  kept_.push_back(
      std::make_unique<Kept>(Kept{.socket = std::move(socket), .loans = std::move(loans)}));
  drain();
}

// Whoever is called from here may add at the back, but nothing else: so `one` stays where it is.
void Quarantine::drain() noexcept {
  if (std::exchange(draining_, true)) return;
  for (std::size_t index = 0; index < kept_.size();) {
    Kept& one = *kept_[index];
    take_releases(one.socket, one.loans);
    if (one.loans.outstanding() > 0) {
      ++index;
    } else {
      kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(index));
    }
  }
  keep_to_the_bound();
  draining_ = false;
}

void Quarantine::keep_to_the_bound() noexcept {
  while (kept_.size() > most_kept) {
    abandoned_bytes_ += kept_.front()->loans.give_up();
    kept_.erase(kept_.begin());
  }
}

std::uint64_t Quarantine::bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& one : kept_) sum += one->loans.bytes();
  return sum;
}

}  // namespace leat
