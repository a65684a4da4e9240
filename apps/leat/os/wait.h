/// Waiting that a deadline or a signal can end.
#pragma once

#include <poll.h>

#include <chrono>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include <leat/error.h>
#include <leat/fd.h>

#include "setback.h"

namespace leat::app::os {

/// How long the program may wait: until `deadline`, or until `stop` is requested, which `stop_fd`
/// (if any) shows by being readable.
struct Patience {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::stop_token stop;
  FdRef stop_fd;
};

/// The last system call's errno as an Error. Called right after the failed call.
Error failed_call(std::string_view operation, std::string subject = {}, std::string hint = {});
Error error_with(int error_number, std::string_view operation, std::string subject = {});

/// Returns once one of `fds` has what it waits for; `revents` say which. See poll(2).
Attempt<void> wait_any(std::span<pollfd> fds, const Patience& patience);
Attempt<void> wait_one(FdRef fd, short events, const Patience& patience);

}  // namespace leat::app::os
