#include "os/signals.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <thread>

namespace leat::app::os {
namespace {

constexpr std::array<int, 3> stopping_signals{SIGINT, SIGTERM, SIGHUP};

bool is_ignored(int signal) {
  struct sigaction action{};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

struct SignalWatch::State {
  sigset_t watched{};
  sigset_t before{};
  int waker = 0;  // one of `watched`, for ending the thread; 0 if none is watched
  OwnedFd event{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::stop_source source;
  std::atomic<int> caught{0};
  std::atomic<bool> quitting{false};
  std::thread thread;

  void watch() {
    for (;;) {
      int signal = 0;
      if (sigwait(&watched, &signal) != 0) continue;
      if (quitting.load()) return;
      int none = 0;
      if (!caught.compare_exchange_strong(none, signal)) raise_again(signal);
      source.request_stop();
      const std::uint64_t one = 1;
      // It fails only if the counter is full, and then it is readable.
      [[maybe_unused]] const auto written = write(event.number(), &one, sizeof one);
    }
  }
};

SignalWatch::SignalWatch() : state_(std::make_unique<State>()) {
  State& state = *state_;
  sigemptyset(&state.watched);
  for (const int signal : stopping_signals) {
    // A blocked signal is queued even if it is ignored, and sigwait(2) would take it.
    if (is_ignored(signal)) continue;
    sigaddset(&state.watched, signal);
    state.waker = signal;
  }
  pthread_sigmask(SIG_BLOCK, &state.watched, &state.before);
  if (state.waker != 0) state.thread = std::thread([&state] { state.watch(); });
}

SignalWatch::~SignalWatch() {
  if (state_->thread.joinable()) {
    state_->quitting = true;
    pthread_kill(state_->thread.native_handle(), state_->waker);
    state_->thread.join();
  }
  pthread_sigmask(SIG_SETMASK, &state_->before, nullptr);
}

std::stop_token SignalWatch::stop() const noexcept { return state_->source.get_token(); }

FdRef SignalWatch::fd() const noexcept { return state_->event.ref(); }

int SignalWatch::caught() const noexcept { return state_->caught.load(); }

int raise_again(int signal) noexcept {
  std::signal(signal, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  raise(signal);
  return 128 + signal;
}

}  // namespace leat::app::os
