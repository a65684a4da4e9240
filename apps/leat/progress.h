/// Progress: a bar on a terminal that is drawn over until the copy ends, or lines in a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace leat::app {

/// What a progress line shows. Rates are bytes per second.
struct ProgressView {
  std::uint64_t delivered = 0;
  std::optional<std::uint64_t> total;  ///< unknown for pipes and sockets
  double rate = 0;
};

/// " 45% [=====>     ] 460 MiB of 1.00 GiB, 1.20 GiB/s, ETA 0:12", at most `columns` wide; without
/// a total "460 MiB, 1.20 GiB/s".
std::string progress_line(const ProgressView& view, std::uint32_t columns);

/// Draws on standard error, at most ten times a second. Its destructor wipes the line, so that the
/// receipt starts on a clean one. Where standard error is no terminal it writes a line a second.
class ProgressBar {
 public:
  explicit ProgressBar(std::optional<std::uint64_t> total);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(std::uint64_t delivered);

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<std::uint64_t> total_;
  bool on_terminal_;
  Clock::time_point drawn_ = Clock::now();
  std::uint64_t drawn_bytes_ = 0;
  double rate_ = 0;
  bool visible_ = false;
};

}  // namespace leat::app
