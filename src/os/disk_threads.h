// Threads that wait for disks in place of an event loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <leat/error.h>
#include <leat/fd.h>
#include <leat/keeper.h>

namespace leat::os {

/// Helper threads, started by the first job. Jobs are done in order, as many at once as there are
/// threads. One thread gives jobs and takes the answers; the eventfd is made readable by each.
class DiskThreads {
 public:
  DiskThreads(FdRef eventfd, unsigned count) noexcept;
  ~DiskThreads() { finish(); }
  DiskThreads(const DiskThreads&) = delete;
  DiskThreads& operator=(const DiskThreads&) = delete;

  unsigned count() const noexcept { return count_; }

  struct Job {
    void* who = nullptr;  ///< null: nobody is told
    OwnedFd file{};       ///< of its own: the giver's may be closed meanwhile
    /// Read into; empty: `length` bytes are read and thrown away, or only asked for
    /// (posix_fadvise(2) POSIX_FADV_WILLNEED) if nobody is told. The memory has to live until the
    /// answer was taken or the job withdrawn.
    std::span<std::byte> into{};
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    Kept<const std::string> path{};  ///< if there is one: it is opened, with these flags
    int flags = 0;
  };
  /// Errors: EAGAIN (no thread could be started).
  Result<void> give(Job job);
  /// Takes back a job of `who` that no thread has begun; false if there is none.
  bool withdraw(const void* who) noexcept;

  /// Jobs that nobody has begun are dropped. Waits, at most a second, for those under way; a thread
  /// that a disk holds for longer ends by itself, later. No job is given afterwards.
  void finish() noexcept;

  /// Bytes or a descriptor, or a negated errno.
  using Answer = std::pair<void*, int>;
  std::vector<Answer> take_answers();

 private:
  struct Shared;
  FdRef eventfd_;
  unsigned count_;
  std::shared_ptr<Shared> shared_;
};

/// A second descriptor of the same open file. See fcntl(2) F_DUPFD_CLOEXEC.
Result<OwnedFd> duplicate(FdRef fd);

}  // namespace leat::os
