// epoll(7).
#pragma once

#include <cstdint>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Errors: EMFILE, ENFILE, ENOMEM. See epoll_create1(2).
Result<OwnedFd> make_epoll();

/// Level-triggered; `events` are poll(2)'s. Errors: EPERM (a regular file: always ready), ENOMEM,
/// ENOSPC
/// (/proc/sys/fs/epoll/max_user_watches), EEXIST, ENOENT, EBADF. See epoll_ctl(2).
Result<void> epoll_add(FdRef epoll, FdRef fd, short events);
Result<void> epoll_change(FdRef epoll, FdRef fd, short events);
Result<void> epoll_remove(FdRef epoll, FdRef fd);

struct Happened {
  FdRef fd;
  std::uint32_t events = 0;
};
/// What has happened, without waiting; as many as there is room for.
std::span<const Happened> epoll_happened(FdRef epoll, std::span<Happened> room);

}  // namespace leat::os
