/// Digests of the bytes of a copy, by OpenSSL's libcrypto.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <leat/error.h>

namespace leat::app {

/// True of "sha256", "sha512" and "blake2b512".
bool is_digest(std::string_view algorithm);

/// Bytes in, a number out; the same whatever pieces they come in.
class Digest {
 public:
  /// One for which `is_digest` is true. Errors: ELIBACC (no libcrypto), ENOTSUP (libcrypto has it
  /// not: a FIPS configuration).
  static Result<Digest> named(std::string_view algorithm);

  void add(std::span<const std::byte> bytes);
  /// In hexadecimal. To be called once.
  std::string finish();
  const std::string& algorithm() const { return algorithm_; }

 private:
  struct State;
  struct Free {
    void operator()(State* state) const noexcept;
  };
  Digest(std::string_view algorithm, std::unique_ptr<State, Free> state)
      : algorithm_(algorithm), state_(std::move(state)) {}

  std::string algorithm_;
  std::unique_ptr<State, Free> state_;
};

}  // namespace leat::app
