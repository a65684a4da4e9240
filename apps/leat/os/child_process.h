/// A forked child that reports through a pipe and waits for a go. See fork(2), wait4(2).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::app::os {

/// The child's side of its two pipes.
class ParentLink {
 public:
  ParentLink(OwnedFd report, OwnedFd go) noexcept
      : report_(std::move(report)), go_(std::move(go)) {}

  /// False if the parent is gone.
  bool send(std::span<const std::byte> report) const;
  /// Waits; false if the parent is gone or gave up.
  bool wait_for_go() const;

 private:
  OwnedFd report_;
  OwnedFd go_;
};

/// What a child used up, and how it ended.
struct ChildEnd {
  std::uint64_t disk_read_bytes = 0;  ///< over its whole life
  int exit_status = 0;                ///< 128 + n if signal n killed it, as shells have it
};

/// A child with one thread that runs a function and exits. It dies with its parent. To be started
/// while the parent has one thread, since the function may allocate. The destructor kills and reaps
/// it. Move-only.
class ChildProcess {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// The child exits with what `body` returns. Errors: EAGAIN (too many processes), EMFILE, ENOMEM.
  static Result<ChildProcess> start(const std::function<int(const ParentLink&)>& body);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  /// Its number, until it was waited for; then -1.
  pid_t process() const noexcept { return pid_; }
  Result<void> go() const;
  /// Fills `report` from the child's pipe. Errors: ETIMEDOUT; EPIPE (it ended without a report).
  Result<void> receive(std::span<std::byte> report, Deadline deadline) const;
  /// To be called once, when the last report is there: a child that then lingers is waited for.
  Result<ChildEnd> wait();
  /// Kills it and does not wait: one that is inside a call which nothing interrupts ends after it.
  void abandon() noexcept;

 private:
  ChildProcess(pid_t pid, OwnedFd report, OwnedFd go) noexcept
      : pid_(pid), report_(std::move(report)), go_(std::move(go)) {}

  pid_t pid_ = -1;
  OwnedFd report_;
  OwnedFd go_;
};

}  // namespace leat::app::os
