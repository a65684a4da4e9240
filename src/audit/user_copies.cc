#include "audit/user_copies.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

// libgcc's, which has no header for it: what the unwinder knows of the function that holds `pc`.
struct dwarf_eh_bases {
  void* text;
  void* data;
  void* function;
};
extern "C" const void* _Unwind_Find_FDE(void* pc, dwarf_eh_bases* bases);

namespace leat {
namespace {

std::uint64_t function_at(std::uint64_t address) {
  dwarf_eh_bases bases{};
  if (!_Unwind_Find_FDE(reinterpret_cast<void*>(address), &bases)) return 0;
  return reinterpret_cast<std::uint64_t>(bases.function);
}

// Functions are aligned to 16 bytes, and those of the C library that copy are a few KiB long.
constexpr std::uint64_t step = 16;
constexpr std::uint64_t longest = 64 << 10;

}  // namespace

UserCopies UserCopies::of_this_program() {
  // By pointers, else the compiler would put its own code in their place.
  void* (*const volatile copies[])(void*, const void*, std::size_t) = {std::memcpy, std::memmove,
                                                                       ::mempcpy};
  UserCopies found;
  for (const auto& copy : copies) {
    const std::uint64_t begin = function_at(reinterpret_cast<std::uint64_t>(copy));
    if (begin == 0) continue;
    std::uint64_t end = begin + step;
    while (end - begin < longest && function_at(end) == begin) end += step;
    found.ranges_.push_back({begin, end});
  }
  return found;
}

bool UserCopies::is_copying(std::uint64_t address) const noexcept {
  return std::ranges::any_of(ranges_, [address](const Range& range) {
    return range.begin <= address && address < range.end;
  });
}

}  // namespace leat
