// The rate limit: a bucket of bytes that fills with time.
#pragma once

#include <chrono>
#include <cstdint>

#include <leat/transfer.h>

namespace leat {

class Pace {
 public:
  /// `bytes_per_second` 0 is no limit. The bucket starts with one helping.
  void set(std::uint64_t bytes_per_second);
  bool limited() const { return rate_ != 0; }

  /// Bytes that may move at `now`; 0 means wait until `next_helping()`.
  std::uint64_t available(TimePoint now);
  /// It saves up no more than this.
  bool full() const { return tokens_ >= most_helpings * helping_bytes(); }
  void spend(std::uint64_t bytes) { tokens_ -= bytes < tokens_ ? bytes : tokens_; }
  TimePoint next_helping() const { return filled_at_ + helping_time(); }

 private:
  // Small enough to be smooth, large enough that a wake-up is worth it.
  static constexpr std::chrono::milliseconds helping{20};
  // Time that passed without a step earns at most this many.
  static constexpr std::uint64_t most_helpings = 4;
  std::uint64_t helping_bytes() const;
  std::chrono::nanoseconds helping_time() const;

  std::uint64_t rate_ = 0;
  std::uint64_t tokens_ = 0;
  TimePoint filled_at_;
  bool started_ = false;
};

}  // namespace leat
