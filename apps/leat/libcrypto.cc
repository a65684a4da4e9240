#include "libcrypto.h"

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/core.h>

#include "os/shared_library.h"

namespace leat::app {
namespace {

constexpr const char* soname = "libcrypto.so.3";
static_assert(OPENSSL_SHLIB_VERSION == 3, "evp.h is that of another libcrypto");

std::unexpected<Error> refuse(std::string_view operation, const std::string& reason) {
  return std::unexpected(
      Error{{ELIBACC, std::generic_category()},
            operation,
            {},
            soname,
            fmt::format("a digest needs OpenSSL 3, Debian's package libssl3: {}", reason)});
}

}  // namespace

Result<Libcrypto> load_libcrypto() {
  const auto library = os::SharedLibrary::open(soname);
  if (!library) return refuse("dlopen", library.error());
  Libcrypto found;
  const char* missing = nullptr;
  const auto find = [&]<class Function>(Function*& function, const char* name) {
    function = library->function<Function>(name);
    if (!function) missing = name;
  };
  find(found.sha256, "EVP_sha256");
  find(found.sha512, "EVP_sha512");
  find(found.blake2b512, "EVP_blake2b512");
  find(found.new_context, "EVP_MD_CTX_new");
  find(found.free_context, "EVP_MD_CTX_free");
  find(found.init, "EVP_DigestInit_ex");
  find(found.update, "EVP_DigestUpdate");
  find(found.final, "EVP_DigestFinal_ex");
  if (missing) return refuse("dlsym", fmt::format("it has no {}", missing));
  return found;
}

}  // namespace leat::app
