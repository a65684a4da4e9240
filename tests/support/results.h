// Results in failure messages.
#pragma once

#include <cstdint>
#include <ostream>

#include <leat/error.h>

namespace leat {

/// Found by gtest through Error's namespace.
template <class T>
void PrintTo(const Result<T>& result, std::ostream* out) {
  if (!result) {
    *out << "error: " << result.error().message();
  } else if constexpr (requires { *out << *result; }) {
    *out << *result;
  } else {
    *out << "a value";
  }
}

}  // namespace leat
