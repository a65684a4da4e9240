// What the kernel says became of lent bytes: read from where they lay, or copied after all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace leat {

/// One account for each transfer that lends memory, found by its ticket. Those that were opened
/// first are dropped first when there are too many, once nothing of theirs is outstanding. One
/// thread.
class Verdicts {
 public:
  struct Account {
    std::uint64_t lent = 0;      ///< bytes handed to the kernel
    std::uint64_t released = 0;  ///< of these, bytes that it has let go of
    std::uint64_t copied = 0;    ///< of these, bytes that it copied after all
    bool tells = true;           ///< false: this kernel does not say whether it copied
    bool pending() const { return released < lent; }
  };

  /// A new ticket; never 0.
  std::uint64_t open();
  void lent(std::uint64_t ticket, std::uint64_t bytes) noexcept;
  void released(std::uint64_t ticket, std::uint64_t bytes, bool copied) noexcept;
  void does_not_tell(std::uint64_t ticket) noexcept;
  /// Null if the account was dropped or never opened.
  const Account* find(std::uint64_t ticket) const noexcept;

 private:
  static constexpr std::size_t most_kept = 1024;
  Account* at(std::uint64_t ticket) noexcept;

  std::deque<Account> accounts_;
  std::uint64_t first_ = 1;  // the ticket of accounts_.front()
};

}  // namespace leat
