// Private pipes for splice, kept empty, within a budget.
#pragma once

#include <cstdint>
#include <vector>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat {

/// A private pipe. Whoever holds one that is not empty delivers or destroys it: bytes left in a
/// pipe belong to one transfer. Move-only.
struct Pipe {
  OwnedFd read;
  OwnedFd write;
  std::uint64_t capacity = 0;
  std::uint64_t asked = 0;  ///< for; more than `capacity` where no more was to be had

  bool valid() const noexcept { return read.valid(); }
};

/// Counts the capacity of every pipe it made until that pipe is given back or written off. One
/// thread.
class PipePool {
 public:
  explicit PipePool(std::uint64_t budget_bytes) noexcept : budget_bytes_(budget_bytes) {}

  /// An empty pipe of at least `wanted` bytes; smaller where pipe(7)'s limits or the budget say so.
  /// Errors: EMFILE, ENFILE; ENOBUFS: the budget is used up.
  Result<Pipe> lease(std::uint64_t wanted);
  /// Takes back an *empty* pipe.
  void give_back(Pipe pipe) noexcept;
  /// Closes a pipe that is not empty, or whose state is not known.
  void destroy(Pipe pipe) noexcept;
  /// The pipe's ends live on elsewhere; it no longer counts here.
  void write_off(const Pipe& pipe) noexcept;

  std::uint64_t open_pipes() const noexcept { return open_; }
  std::uint64_t capacity_bytes() const noexcept { return capacity_bytes_; }

 private:
  Result<Pipe> make(std::uint64_t wanted);

  static constexpr std::size_t most_kept = 16;
  std::uint64_t budget_bytes_;
  std::uint64_t capacity_bytes_ = 0;
  std::uint64_t open_ = 0;
  std::vector<Pipe> kept_;
};

}  // namespace leat
