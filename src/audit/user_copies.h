// The C library's copy routines, where this program has them mapped.
#pragma once

#include <cstdint>
#include <vector>

namespace leat {

/// Any thread once it is made.
class UserCopies {
 public:
  /// memcpy(3), memmove(3) and mempcpy(3), as the loader has chosen them for this processor.
  static UserCopies of_this_program();

  bool is_copying(std::uint64_t address) const noexcept;

 private:
  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
  };
  std::vector<Range> ranges_;
};

}  // namespace leat
