// errno becomes a value here and nowhere else.
#pragma once

#include <cerrno>
#include <expected>
#include <string_view>

#include <leat/error.h>

namespace leat::os {

/// The error that errno holds now, of the call `operation`.
[[gnu::cold]] std::unexpected<Error> last_error(std::string_view operation);
[[gnu::cold]] std::unexpected<Error> make_error(int error_number, std::string_view operation);

/// Repeats `call` while it is interrupted by a signal before it did anything. Only for calls whose
/// man page allows that; a wait is never repeated, so that its caller hears the signal.
template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace leat::os
