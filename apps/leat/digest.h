/// Digests of the bytes of a copy, by OpenSSL's libcrypto.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace leat::app {

/// Bytes in, a number out; the same whatever pieces they come in.
class Digest {
 public:
  /// "sha256", "sha512" or "blake2b512"; nothing if it is none of them, or libcrypto has it not (a
  /// FIPS configuration).
  static std::optional<Digest> named(std::string_view algorithm);

  void add(std::span<const std::byte> bytes);
  /// In hexadecimal. To be called once.
  std::string finish();
  const std::string& algorithm() const { return algorithm_; }

 private:
  struct Free {
    void operator()(void* context) const noexcept;
  };
  Digest(std::string_view algorithm, std::unique_ptr<void, Free> context)
      : algorithm_(algorithm), context_(std::move(context)) {}

  std::string algorithm_;
  std::unique_ptr<void, Free> context_;  // an EVP_MD_CTX
};

}  // namespace leat::app
