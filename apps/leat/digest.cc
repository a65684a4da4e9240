#include "digest.h"

#include <array>
#include <cassert>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "libcrypto.h"

namespace leat::app {
namespace {

struct Method {
  std::string_view name;
  const EVP_MD* (*Libcrypto::*make)();
};
constexpr Method methods[] = {{"sha256", &Libcrypto::sha256},
                              {"sha512", &Libcrypto::sha512},
                              {"blake2b512", &Libcrypto::blake2b512}};

const Method* find_method(std::string_view name) {
  for (const Method& method : methods) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

}  // namespace

struct Digest::State {
  Libcrypto libcrypto;
  EVP_MD_CTX* context;
};

void Digest::Free::operator()(State* state) const noexcept {
  state->libcrypto.free_context(state->context);
  delete state;
}

bool is_digest(std::string_view algorithm) { return find_method(algorithm) != nullptr; }

Result<Digest> Digest::named(std::string_view algorithm) {
  const Method* method = find_method(algorithm);
  assert(method);
  const auto libcrypto = load_libcrypto();
  if (!libcrypto) return std::unexpected(libcrypto.error());
  std::unique_ptr<State, Free> state(new State{*libcrypto, libcrypto->new_context()});
  if (!state->context ||
      libcrypto->init(state->context, ((*libcrypto).*(method->make))(), nullptr) != 1) {
    return std::unexpected(Error{{ENOTSUP, std::generic_category()},
                                 "EVP_DigestInit_ex",
                                 {},
                                 std::string(algorithm),
                                 "this libcrypto has it not: choose another digest"});
  }
  return Digest(algorithm, std::move(state));
}

void Digest::add(std::span<const std::byte> bytes) {
  state_->libcrypto.update(state_->context, bytes.data(), bytes.size());
}

std::string Digest::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> value;
  unsigned length = 0;
  state_->libcrypto.final(state_->context, value.data(), &length);
  std::string text;
  for (unsigned index = 0; index < length; ++index) text += fmt::format("{:02x}", value[index]);
  return text;
}

}  // namespace leat::app
