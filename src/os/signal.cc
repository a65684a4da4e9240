#include "os/signal.h"

#include <pthread.h>

#include <ctime>

namespace leat::os {
namespace {

sigset_t only_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

}  // namespace

void SigpipeGuard::hold() noexcept {
  if (held_) return;
  held_ = true;
  const sigset_t sigpipe = only_sigpipe();
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
  was_blocked_ = sigismember(&before, SIGPIPE) == 1;
  if (was_blocked_) {  // only a blocked signal can have been pending
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
  }
}

void SigpipeGuard::restore() noexcept {
  const sigset_t sigpipe = only_sigpipe();
  if (raised_ && !was_pending_) {
    const timespec at_once{};
    sigtimedwait(&sigpipe, nullptr, &at_once);
  }
  if (!was_blocked_) pthread_sigmask(SIG_UNBLOCK, &sigpipe, nullptr);
}

}  // namespace leat::os
