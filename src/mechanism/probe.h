// Asking the kernel for a call without moving anything.
#pragma once

#include <string_view>

#include <leat/error.h>

namespace leat {

/// What the answer to a call on no descriptor (-1) says: EBADF means it is there.
template <class T>
std::string_view verdict_of(const Result<T>& answer) {
  if (answer || answer.error().is(EBADF)) return {};
  if (answer.error().is(ENOSYS))
    return "this kernel, or a seccomp filter, has no such call (ENOSYS)";
  if (answer.error().is(EPERM))
    return "a seccomp filter or security module denies the call (EPERM)";
  if (answer.error().is(EACCES)) return "a security module denies the call (EACCES)";
  return "the call answers with an unexpected error";
}

}  // namespace leat
