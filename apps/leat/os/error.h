/// errno becomes a value here and nowhere else.
#pragma once

#include <cerrno>
#include <expected>
#include <string_view>

#include <leat/error.h>

namespace leat::app::os {

[[gnu::cold]] inline std::unexpected<Error> make_error(int error_number,
                                                       std::string_view operation) {
  return std::unexpected(
      Error{std::error_code(error_number, std::generic_category()), operation, {}, {}, {}});
}

/// The error that errno holds now, of the call `operation`.
[[gnu::cold]] inline std::unexpected<Error> last_error(std::string_view operation) {
  return make_error(errno, operation);
}

/// Repeats `call` while a signal interrupts it before it did anything.
template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace leat::app::os
