// A socket's zero-copy sends as the kernel sees them, beside leat's Loans: every step is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "buffer/loans.h"

namespace leat::testing {

/// Driven by bytes, from a random generator or a fuzzer. Numbers are taken from a window that wraps
/// at 2^32; completions are merged, split, reordered, repeated, and about sends that never were.
class LoanModel {
 public:
  explicit LoanModel(std::uint32_t first_number);

  /// Carries out one action for each few bytes, then ends: completes the rest or gives it up, as
  /// the last byte says. Returns the first promise that was broken, or nothing.
  std::string run(std::span<const std::uint8_t> bytes);

  std::uint64_t sends() const { return next_; }

 private:
  /// Memory that is sent, perhaps several times, perhaps in parts.
  struct Memory {
    bool never_reused = false;
    int releases = 0;
    int readers = 0;  ///< sends that the kernel has not completed
  };
  struct Send {
    std::vector<std::size_t> memory;  ///< indices
    std::uint64_t bytes = 0;
    bool completed = false;
  };

  void make_memory(bool never_reused);
  void drop_memory(std::size_t choice);
  void send(std::uint8_t how, std::uint8_t choice);
  void complete(std::uint64_t first, std::uint64_t last, bool copied);
  void complete_chosen(std::uint8_t begin, std::uint8_t count, bool copied);
  void move_loans();
  void finish(bool give_up);
  void check();
  void expect(bool promise, const char* what);

  LentBudget budget_{.limit = UINT64_MAX};
  Verdicts verdicts_;
  std::uint64_t ticket_;
  std::unique_ptr<Loans> loans_;
  std::uint32_t first_number_;
  std::deque<Memory> memory_;  // never moves
  std::vector<Keeper> held_;   // by the program; empty once dropped
  std::vector<Send> sends_;
  std::uint64_t next_ = 0;      // so many sends so far
  std::uint64_t copied_ = 0;    // bytes
  std::uint64_t released_ = 0;  // bytes
  std::string trouble_;
};

}  // namespace leat::testing
