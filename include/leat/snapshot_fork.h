/// Memory as it is now, sent by a child process while this one goes on writing: what Redis does for
/// its dump.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

#include <leat/endpoint.h>
#include <leat/error.h>
#include <leat/fd.h>
#include <leat/receipt.h>
#include <leat/transfer.h>

namespace leat {

/// What the child says when it is done.
struct SnapshotReport {
  std::uint64_t delivered = 0;
  Ending ending = Ending::unfinished;
  std::error_code error;  ///< set exactly if ending is `failed`
  Mechanism mechanism;    ///< the one that moved most
  /// Of the memory, what was written by either process meanwhile, so that the kernel had to copy
  /// it, in whole pages. All else was never there twice. See the kernel's
  /// Documentation/admin-guide/mm/pagemap.rst, bit 56.
  std::uint64_t copied_bytes = 0;
};

/// A snapshot that is being sent. Move-only; one thread. Destroyed early, it ends the child, and
/// the peer gets less than all.
class [[nodiscard]] SnapshotFork {
 public:
  SnapshotFork(SnapshotFork&& other) noexcept
      : child_(std::exchange(other.child_, -1)), report_(std::move(other.report_)) {}
  SnapshotFork& operator=(SnapshotFork&& other) noexcept {
    std::swap(child_, other.child_);
    std::swap(report_, other.report_);
    return *this;
  }
  ~SnapshotFork();

  /// Readable once the child is done: for event loops.
  FdRef fd() const noexcept { return report_; }
  /// Waits until it is. Once. Errors: ECHILD (it ended without a word; `hint` says how).
  Result<SnapshotReport> finish();

 private:
  friend Result<SnapshotFork> snapshot_fork(std::span<const std::byte>, Sink, Options);
  SnapshotFork(int child, OwnedFd report) noexcept : child_(child), report_(std::move(report)) {}

  int child_;
  OwnedFd report_;
};

/// Forks a child that sends `memory`, as it is at this moment, to `sink`, and exits. This process
/// may write to the memory at once: a page that it writes to is copied by the kernel, first.
/// MAP_SHARED memory, and what is MADV_DONTFORK, cannot be had that way. Of `options` the progress,
/// the witness and the stop token work in the child. The child runs nothing of this program but
/// that, has all of its descriptors, and dies with the thread that called this. Errors: EAGAIN,
/// ENOMEM (fork(2): with vm.overcommit_memory=2 there has to be room for all of it), EMFILE.
Result<SnapshotFork> snapshot_fork(std::span<const std::byte> memory, Sink sink,
                                   Options options = {});

}  // namespace leat
