/// The system calls that a piece of code makes, seen from outside. See ptrace(2).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <leat/error.h>

namespace leat::app::os {

/// Runs `body` in a child and tells the calls that it makes between its two calls of `mark`, in
/// order, by name ("pread64"; "call 999" for those without a name here). The child is killed after
/// some seconds. Errors: EPERM (a seccomp filter or security module denies ptrace), ECHILD (the
/// child ended before the second mark).
Result<std::vector<std::string>> trace_calls(
    const std::function<void(const std::function<void()>& mark)>& body);

}  // namespace leat::app::os
