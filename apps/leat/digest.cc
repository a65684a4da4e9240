#include "digest.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace leat::app {
namespace {

EVP_MD_CTX* context_of(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

void Digest::Free::operator()(void* context) const noexcept {
  EVP_MD_CTX_free(context_of(context));
}

std::optional<Digest> Digest::named(std::string_view algorithm) {
  const EVP_MD* method = nullptr;
  if (algorithm == "sha256") method = EVP_sha256();
  if (algorithm == "sha512") method = EVP_sha512();
  if (algorithm == "blake2b512") method = EVP_blake2b512();
  if (!method) return std::nullopt;
  std::unique_ptr<void, Free> context(EVP_MD_CTX_new());
  if (!context || EVP_DigestInit_ex(context_of(context.get()), method, nullptr) != 1)
    return std::nullopt;
  return Digest(algorithm, std::move(context));
}

void Digest::add(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(context_of(context_.get()), bytes.data(), bytes.size());
}

std::string Digest::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> value;
  unsigned length = 0;
  EVP_DigestFinal_ex(context_of(context_.get()), value.data(), &length);
  std::string text;
  for (unsigned index = 0; index < length; ++index) text += fmt::format("{:02x}", value[index]);
  return text;
}

}  // namespace leat::app
