#include "transfer/pace.h"

#include <algorithm>

namespace leat {
namespace {

constexpr std::uint64_t nanoseconds_per_second = 1'000'000'000;

}  // namespace

void Pace::set(std::uint64_t bytes_per_second) {
  rate_ = bytes_per_second;
  tokens_ = rate_ ? helping_bytes() : 0;
  started_ = false;
}

std::uint64_t Pace::helping_bytes() const {
  const auto part = static_cast<std::uint64_t>(std::chrono::seconds(1) / helping);
  return std::max<std::uint64_t>(rate_ / part, 1);
}

std::chrono::nanoseconds Pace::helping_time() const {
  // A rate below one byte a helping makes the helping one byte and its time longer.
  const auto needed = static_cast<double>(helping_bytes()) / static_cast<double>(rate_);
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(needed * static_cast<double>(nanoseconds_per_second)));
}

std::uint64_t Pace::available(TimePoint now) {
  if (!started_) {
    started_ = true;
    filled_at_ = now;
    return tokens_;
  }
  const auto helpings =
      static_cast<std::uint64_t>(std::max<std::int64_t>((now - filled_at_) / helping_time(), 0));
  if (helpings == 0) return tokens_;
  const std::uint64_t earned = std::min(helpings, most_helpings);
  filled_at_ = helpings > most_helpings
                   ? now
                   : filled_at_ + static_cast<std::int64_t>(helpings) * helping_time();
  tokens_ = std::min(tokens_ + earned * helping_bytes(), most_helpings * helping_bytes());
  return tokens_;
}

}  // namespace leat
