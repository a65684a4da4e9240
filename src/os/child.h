// A child that says one thing and exits: fork(2), waitpid(2), and what it shares with its parent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

struct Child {
  int process = -1;
  OwnedFd report;  ///< the reading end of the child's pipe
};

/// Runs `body` in a child, with the writing end of a pipe; the child then exits with what it
/// returns, and runs no other code of the program. It dies with the thread that calls this.
/// Errors: EAGAIN, ENOMEM, EMFILE.
Result<Child> start_child(const std::function<int(FdRef report)>& body);

/// Ends it, if it still runs, and reaps it.
void end_child(int process) noexcept;
/// Waits for its end; its wait status. See waitpid(2). Errors: ECHILD.
Result<int> wait_for_child(int process);

/// Of `memory`, what nobody but this process has mapped, in whole pages. Errors: ENOENT, EPERM (no
/// /proc). See the kernel's Documentation/admin-guide/mm/pagemap.rst.
Result<std::uint64_t> exclusive_bytes(std::span<const std::byte> memory);

/// Writes all of `text` to a pipe, waiting for room; false if nobody reads it.
bool write_all(FdRef pipe, std::span<const std::byte> text) noexcept;
/// Reads to the end, or until `into` is full; how much. Waits.
Result<std::size_t> read_all(FdRef pipe, std::span<std::byte> into);

}  // namespace leat::os
