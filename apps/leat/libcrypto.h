/// OpenSSL's libcrypto, loaded when a digest is asked for: to be linked to it would be half of what
/// a short copy takes.
#pragma once

#include <openssl/evp.h>

#include <leat/error.h>

namespace leat::app {

/// Functions of evp.h.
struct Libcrypto {
  decltype(&EVP_sha256) sha256;
  decltype(&EVP_sha512) sha512;
  decltype(&EVP_blake2b512) blake2b512;
  decltype(&EVP_MD_CTX_new) new_context;
  decltype(&EVP_MD_CTX_free) free_context;
  decltype(&EVP_DigestInit_ex) init;
  decltype(&EVP_DigestUpdate) update;
  decltype(&EVP_DigestFinal_ex) final;
};

/// It stays loaded until the program ends. Errors: ELIBACC; the hint says what to install.
Result<Libcrypto> load_libcrypto();

}  // namespace leat::app
