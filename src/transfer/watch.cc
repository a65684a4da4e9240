#include <poll.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include <leat/watch.h>

#include "os/epoll.h"
#include "transfer/context_state.h"

namespace leat {

struct Watch::State {
  struct Interest {
    Waiter* who;
    short events;
  };
  // The same descriptor stands in several Waits: both directions of a socket wait for it.
  using Interests = std::vector<Interest>;
  using Entries = std::unordered_map<int, Interests>;

  State(Context& lent, OwnedFd made)
      : context(&ContextAccess::state(lent)), epoll(std::move(made)) {}

  static short events_of(const Interests& interests) {
    int all = 0;
    for (const Interest& one : interests) all |= one.events;
    return static_cast<short>(all);
  }

  /// To be called whenever interests went away.
  void rewatch(Entries::iterator entry) {
    const FdRef fd(entry->first);
    // Errors say that the descriptor is closed already, which took it out of the epoll instance.
    if (!entry->second.empty()) {
      [[maybe_unused]] const auto closed = os::epoll_change(epoll, fd, events_of(entry->second));
      return;
    }
    [[maybe_unused]] const auto closed = os::epoll_remove(epoll, fd);
    entries.erase(entry);
  }

  bool arm(const WaitFd& slot, Waiter& waiter) {
    Interests& interests = entries[slot.fd.number()];
    const bool known = !interests.empty();
    interests.push_back({&waiter, slot.events});
    const short events = events_of(interests);
    return known ? os::epoll_change(epoll, slot.fd, events).has_value()
                 : os::epoll_add(epoll, slot.fd, events).has_value();
  }

  void wake(const os::Happened& happened) {
    const auto entry = entries.find(happened.fd.number());
    if (entry == entries.end()) return;
    // As poll(2) has it: an error or a hang-up is everybody's.
    const bool everyone = (happened.events & (POLLERR | POLLHUP)) != 0;
    std::erase_if(entry->second, [&](const Interest& one) {
      const auto mask = static_cast<std::uint32_t>(static_cast<unsigned short>(one.events));
      if (!everyone && (mask & happened.events) == 0) return false;
      one.who->wake();
      return true;
    });
    rewatch(entry);
  }

  ContextState* context;  // which stays where it is when the Context is moved
  OwnedFd epoll;
  Entries entries;
};

Watch::Watch(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&&) noexcept = default;
Watch::~Watch() = default;

Result<Watch> Watch::create(Context& context) {
  auto epoll = os::make_epoll();
  if (!epoll) return std::unexpected(epoll.error());
  if (const auto added = os::epoll_add(*epoll, context.fd(), POLLIN); !added)
    return std::unexpected(added.error());
  return Watch(std::make_unique<State>(context, std::move(*epoll)));
}

FdRef Watch::fd() const noexcept { return state_->epoll; }

bool Watch::arm(const Wait& wait, Waiter& waiter) {
  bool all = true;
  for (const WaitFd& slot : wait.fds()) {
    // Watched already; whoever waits for it is told by `on_runnable`.
    if (slot.role == WaitFd::Role::context) continue;
    all = state_->arm(slot, waiter) && all;
  }
  return all;
}

void Watch::disarm(const Wait& wait, Waiter& waiter) noexcept {
  for (const WaitFd& slot : wait.fds()) {
    const auto entry = state_->entries.find(slot.fd.number());
    if (entry == state_->entries.end()) continue;
    std::erase_if(entry->second, [&](const auto& one) { return one.who == &waiter; });
    state_->rewatch(entry);
  }
}

void Watch::dispatch() {
  std::array<os::Happened, 64> room;
  for (const os::Happened& happened : os::epoll_happened(state_->epoll, room)) {
    if (happened.fd == state_->context->wakeups.ref()) {
      state_->context->poll();
    } else {
      state_->wake(happened);
    }
  }
}

}  // namespace leat
