/// Ctrl-C and its kin, turned into a stop token while the program has something to put in order.
#pragma once

#include <memory>
#include <stop_token>

#include <leat/fd.h>

namespace leat::app::os {

/// While alive, SIGINT, SIGTERM and SIGHUP request a stop instead of killing; the second one kills.
/// Those that were ignored at the start (nohup, background jobs) stay ignored. Made before other
/// threads, which inherit the blocked signals.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  std::stop_token stop() const noexcept;
  /// Readable once a stop was requested; invalid if the system gave no eventfd.
  FdRef fd() const noexcept;
  /// The signal that arrived, or 0.
  int caught() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Lets `signal` do what it would have done in the first place: the shell then sees how the program
/// ended. Returns the status 128 + signal should it survive.
int raise_again(int signal) noexcept;

}  // namespace leat::app::os
