/// Why a step of setting up did not succeed: an error, the deadline, or a signal.
#pragma once

#include <expected>
#include <utility>

#include <leat/error.h>
#include <leat/receipt.h>

namespace leat::app {

/// `error` is meaningful if the ending is `failed`.
struct Setback {
  Ending ending = Ending::failed;
  Error error;

  Setback(Error cause) : error(std::move(cause)) {}  // NOLINT(google-explicit-constructor)
  explicit Setback(Ending how) : ending(how) {}
};

template <class T>
using Attempt = std::expected<T, Setback>;

}  // namespace leat::app
