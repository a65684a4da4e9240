// poll(2) and eventfd(2).
#pragma once

#include <poll.h>

#include <chrono>
#include <optional>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

/// Waits until one of `fds` is ready or `until` passes; no `until` waits for ever. Returns how many
/// are ready. EINTR is *returned*: whoever waits has to look why. See ppoll(2).
Result<int> wait(std::span<pollfd> fds, std::optional<std::chrono::steady_clock::time_point> until);

/// What poll(2) says of `fd` right now, without waiting.
short ready_events(FdRef fd, short events);

/// A counter that makes a descriptor readable; non-blocking. Errors: EMFILE. See eventfd(2).
Result<OwnedFd> make_eventfd();
/// Makes it readable. Async-signal-safe.
void signal_eventfd(FdRef eventfd) noexcept;
/// Makes it unreadable; returns whether it was readable.
bool drain_eventfd(FdRef eventfd) noexcept;

}  // namespace leat::os
