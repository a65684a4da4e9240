// A whole event loop for transfers, in poll(2). Copy it, or do the same in the loop you have.
#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <list>
#include <utility>
#include <vector>

#include <leat/transfer.h>

class PollLoop {
 public:
  using Ended = std::function<void(const leat::Receipt&)>;
  explicit PollLoop(leat::Context& context) : context_(&context) {}

  void add(leat::Transfer transfer, Ended ended) {
    tasks_.push_back({std::move(transfer), {}, true, std::move(ended)});
  }

  /// Until every transfer has ended. Returns how often it waited.
  unsigned long run() {
    unsigned long waits = 0;
    while (step_all()) {
      wait();
      ++waits;
    }
    return waits;
  }

 private:
  struct Task {
    leat::Transfer transfer;
    leat::Step last;
    bool ready;
    Ended ended;
  };

  /// One step for each that is ready. False when none is left.
  bool step_all() {
    for (auto task = tasks_.begin(); task != tasks_.end();) {
      if (task->ready) task->last = task->transfer.step();
      const leat::State state = task->last.state;
      const bool going = state == leat::State::progress || state == leat::State::blocked;
      if (!going) task->ended(task->transfer.receipt());
      task = going ? std::next(task) : tasks_.erase(task);
    }
    return !tasks_.empty();
  }

  /// One poll(2) over the context and every Wait, then each task knows whether it is ready.
  void wait() {
    std::vector<pollfd> fds{{context_->fd().number(), POLLIN, 0}};
    auto until = leat::TimePoint::max();
    for (const Task& task : tasks_) {
      if (task.last.state == leat::State::progress) until = leat::TimePoint::min();
      if (task.last.state != leat::State::blocked) continue;
      for (const leat::WaitFd& slot : task.last.wait.fds())
        fds.push_back({slot.fd.number(), slot.events, 0});
      until = std::min(until, task.last.wait.wake_at.value_or(until));
    }
    ::poll(fds.data(), fds.size(), milliseconds_until(until));
    if (fds[0].revents != 0) context_->poll();
    auto fd = fds.begin() + 1;
    const auto now = std::chrono::steady_clock::now();
    for (Task& task : tasks_) {
      const leat::Wait& wait = task.last.wait;
      task.ready = task.last.state == leat::State::progress || task.transfer.runnable() ||
                   (wait.wake_at && *wait.wake_at <= now);
      if (task.last.state != leat::State::blocked) continue;
      for (std::size_t i = 0; i < wait.fds().size(); ++i) task.ready |= (fd++)->revents != 0;
    }
  }

  static int milliseconds_until(leat::TimePoint until) {
    using std::chrono::milliseconds;
    if (until == leat::TimePoint::max()) return -1;
    const auto left = until == leat::TimePoint::min()
                          ? milliseconds(0)
                          : ceil<milliseconds>(until - std::chrono::steady_clock::now());
    return static_cast<int>(std::max(left, milliseconds(0)).count());
  }

  leat::Context* context_;
  std::list<Task> tasks_;
};
