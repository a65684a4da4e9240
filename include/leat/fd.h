/// File descriptors as values: `FdRef` is lent, `OwnedFd` closes.
#pragma once

#include <utility>

namespace leat {

/// A descriptor lent by its owner; copying it copies the number. -1 is "none".
class FdRef {
 public:
  constexpr FdRef() noexcept = default;
  constexpr explicit FdRef(int number) noexcept : number_(number) {}

  constexpr int number() const noexcept { return number_; }
  constexpr bool valid() const noexcept { return number_ >= 0; }
  friend constexpr bool operator==(FdRef, FdRef) noexcept = default;

 private:
  int number_ = -1;
};

/// The owner of a descriptor: its destructor closes it. Move-only. See close(2).
class OwnedFd {
 public:
  constexpr OwnedFd() noexcept = default;
  constexpr explicit OwnedFd(int number) noexcept : number_(number) {}
  OwnedFd(OwnedFd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  ~OwnedFd() {
    if (number_ >= 0) reset();
  }

  FdRef ref() const noexcept { return FdRef(number_); }
  operator FdRef() const noexcept { return ref(); }
  int number() const noexcept { return number_; }
  bool valid() const noexcept { return number_ >= 0; }

  /// Closes the descriptor, if any, now.
  void reset() noexcept;
  /// Gives the number away; the caller closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

}  // namespace leat
