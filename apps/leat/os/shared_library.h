/// A shared library that is loaded while the program runs, if it is there.
#pragma once

#include <expected>
#include <string>

namespace leat::app::os {

/// Stays loaded until the program ends: what it handed out stays valid.
class SharedLibrary {
 public:
  /// Looks where the dynamic linker looks; `$ORIGIN/` in front is the program's folder. What it
  /// defines replaces nothing of the program. The error is the dynamic linker's line. See
  /// dlopen(3), ld.so(8).
  static std::expected<SharedLibrary, std::string> open(const std::string& name);

  /// A function of it, of type `Function*`; null if it has none of this name.
  template <class Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }

 private:
  explicit SharedLibrary(void* handle) noexcept : handle_(handle) {}
  void* symbol(const char* name) const;

  void* handle_;
};

}  // namespace leat::app::os
