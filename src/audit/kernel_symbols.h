// The kernel's addresses by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <leat/error.h>

namespace leat {

/// True if a function of this name copies bytes (copy_routines.def); endings that compilers add
/// (".cold", ".isra.0") are passed over.
bool is_copy_routine(std::string_view name) noexcept;

/// Where the kernel's copy routines lie. Read once; any thread afterwards.
class KernelSymbols {
 public:
  /// From the lines of /proc/kallsyms: "address type name", in any order.
  static KernelSymbols parse(std::string_view text);
  /// Of the running kernel. Errors: EPERM with a hint if it hides its addresses
  /// (kernel.kptr_restrict), ENOENT.
  static Result<KernelSymbols> read();

  /// True if the function that holds `address` copies bytes.
  bool is_copying(std::uint64_t address) const noexcept;
  bool empty() const noexcept { return starts_.empty(); }

 private:
  struct Start {
    std::uint64_t address;
    bool copies;
  };
  std::vector<Start> starts_;  // of functions, sorted; neighbours of a kind are one
};

}  // namespace leat
