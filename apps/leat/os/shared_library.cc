#include "os/shared_library.h"

#include <dlfcn.h>

namespace leat::app::os {

std::expected<SharedLibrary, std::string> SharedLibrary::open(const std::string& name) {
  if (void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return SharedLibrary(handle);
  const char* reason = ::dlerror();
  return std::unexpected(reason ? reason : name + " cannot be loaded");
}

void* SharedLibrary::symbol(const char* name) const { return ::dlsym(handle_, name); }

}  // namespace leat::app::os
