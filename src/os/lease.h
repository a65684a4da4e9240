// Read leases: fcntl(2) F_SETLEASE.
#pragma once

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Nobody has the file open for writing, nor mapped for it, and whoever wants to (open(2),
/// truncate(2)) waits until the lease is given up, /proc/sys/fs/lease-break-time seconds at most.
/// Not kept off: renaming and deleting it, its mode and owner, and open(2) with O_RDONLY | O_TRUNC,
/// which empties it. Of an open file description of its own; a child that is forked shares it, and
/// it ends with this all the same. Move-only.
class [[nodiscard]] ReadLease {
 public:
  ReadLease() noexcept = default;
  ReadLease(ReadLease&&) noexcept = default;
  ReadLease& operator=(ReadLease&& other) noexcept;
  ~ReadLease() { give_up(); }

  bool valid() const noexcept { return file_.valid(); }
  /// False once somebody waits, or has stopped waiting because the kernel took the lease away: what
  /// was read before is what was there when the lease began. See fcntl(2) F_GETLEASE.
  bool holds() const noexcept;
  /// Lets him go on.
  void give_up() noexcept;

 private:
  friend Result<ReadLease> take_read_lease(FdRef file, bool owned);
  OwnedFd file_;
};

/// The file is opened once more, through /proc/self/fd, as a borrowed description must stay as it
/// is. Where that is denied (a process that has changed its user) an `owned` one serves itself. No
/// break of the lease raises a signal that kills.
/// Errors: EAGAIN (it is open, or mapped, for writing), EACCES (somebody else's, without CAP_LEASE;
/// or it may not be opened), EINVAL (no regular file, or a file system without leases), ENOENT (no
/// /proc), ENOLCK, ENOMEM.
Result<ReadLease> take_read_lease(FdRef file, bool owned);

}  // namespace leat::os
