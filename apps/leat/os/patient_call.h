/// Calls that the kernel or libc cannot interrupt, made so that a deadline or a signal still ends
/// the wait for them.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "os/wait.h"
#include "setback.h"

namespace leat::app::os {

/// Runs `call` on a thread of its own and waits for its result. If patience runs out first, the
/// thread is left behind: the program is about to exit. `call` owns all it uses.
template <class Call>
auto call_patiently(Call call, const Patience& patience) -> Attempt<decltype(call())> {
  struct Shared {
    std::mutex mutex;
    std::condition_variable_any done;
    std::optional<decltype(call())> result;
  };
  const auto shared = std::make_shared<Shared>();
  std::thread([shared, call = std::move(call)]() mutable {
    auto result = call();
    const std::lock_guard lock(shared->mutex);
    shared->result.emplace(std::move(result));
    shared->done.notify_all();
  }).detach();

  std::unique_lock lock(shared->mutex);
  const auto is_done = [&] { return shared->result.has_value(); };
  if (patience.deadline) {
    shared->done.wait_until(lock, patience.stop, *patience.deadline, is_done);
  } else {
    shared->done.wait(lock, patience.stop, is_done);
  }
  if (is_done()) return std::move(*shared->result);
  const bool stopped = patience.stop.stop_requested();
  return std::unexpected(Setback(stopped ? Ending::cancelled : Ending::deadline));
}

}  // namespace leat::app::os
