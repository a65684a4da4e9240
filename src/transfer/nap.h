// How the blocking calls wait.
#pragma once

#include <leat/error.h>
#include <leat/transfer.h>

#include "os/wait.h"
#include "transfer/context_state.h"

namespace leat {

/// Waits for descriptors and for the context at once. The context's wake-ups are taken off its
/// descriptor while this lives and put back at the end, as they may be meant for others.
class Nap {
 public:
  explicit Nap(ContextState& context) : context_(context) {}
  Nap(const Nap&) = delete;
  Nap& operator=(const Nap&) = delete;
  ~Nap() {
    if (woken_) os::signal_eventfd(context_.wakeups);
  }

  /// Until something that `wait` names happens, or a signal: EINTR is no error here, as the caller
  /// steps, and steps look at what a signal may have changed. Errors: EPERM, … (a seccomp filter).
  Result<void> wait_for(const Wait& wait);

 private:
  ContextState& context_;
  bool woken_ = false;
};

}  // namespace leat
