// SIGPIPE and calls that have no MSG_NOSIGNAL.
#pragma once

#include <csignal>

namespace leat::os {

/// While it is held, a SIGPIPE that the calling thread raises against itself is taken back at the
/// end instead of being delivered. The program's own signal setup stays as it is; a SIGPIPE that
/// was pending before stays pending. Costs two rt_sigprocmask(2) calls, 0.4–0.6 µs. Inactive until
/// `hold()`. Looking once whether SIGPIPE is ignored would not do: the setting can change.
class SigpipeGuard {
 public:
  SigpipeGuard() noexcept = default;
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;
  ~SigpipeGuard() {
    if (held_) restore();
  }

  void hold() noexcept;
  bool held() const noexcept { return held_; }
  /// To be called after a call that answered EPIPE or moved less than it was asked to: a SIGPIPE
  /// may be pending then. (A call that finds its reader gone half-way raises it and returns a
  /// count.)
  void raised() noexcept { raised_ = true; }

 private:
  void restore() noexcept;

  bool held_ = false;
  bool raised_ = false;
  bool was_blocked_ = false;
  bool was_pending_ = false;
};

}  // namespace leat::os
