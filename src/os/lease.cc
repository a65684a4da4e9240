#include "os/lease.h"

#include <fcntl.h>
#include <signal.h>

#include <utility>

#include "os/descriptor.h"
#include "os/error.h"

namespace leat::os {

ReadLease& ReadLease::operator=(ReadLease&& other) noexcept {
  if (this == &other) return *this;
  give_up();
  file_ = std::move(other.file_);
  return *this;
}

bool ReadLease::holds() const noexcept { return ::fcntl(file_.number(), F_GETLEASE) == F_RDLCK; }

// Not by closing alone: a forked child may have the description too.
void ReadLease::give_up() noexcept {
  if (!file_.valid()) return;
  ::fcntl(file_.number(), F_SETLEASE, F_UNLCK);
  file_.reset();
}

Result<ReadLease> take_read_lease(FdRef file, bool owned) {
  auto own = reopen_nonblocking(file, Access::read);
  if (!own && owned) own = OwnedFd(::fcntl(file.number(), F_DUPFD_CLOEXEC, 0));
  if (!own) return std::unexpected(own.error());
  // F_SETLEASE makes this process the owner, who is sent SIGIO at the break, which kills by
  // default; F_SETOWN 0 ends that. In between it would be SIGURG, which does nothing by default.
  if (::fcntl(own->number(), F_SETSIG, SIGURG) < 0) return last_error("fcntl F_SETSIG");
  if (::fcntl(own->number(), F_SETLEASE, F_RDLCK) < 0) return last_error("fcntl F_SETLEASE");
  ReadLease lease;
  lease.file_ = std::move(*own);
  if (::fcntl(lease.file_.number(), F_SETOWN, 0) < 0) return last_error("fcntl F_SETOWN");
  return lease;
}

}  // namespace leat::os
