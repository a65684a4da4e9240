#include "progress.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include <leat/fd.h>

#include "os/process.h"
#include "sizes.h"

namespace leat::app {
namespace {

constexpr auto redraw_after = std::chrono::milliseconds(100);
constexpr auto next_line_after = std::chrono::seconds(1);
constexpr std::uint32_t columns_of_a_log = 80;
constexpr FdRef standard_error{2};
constexpr std::size_t widest_bar = 40;

/// "0:12" or "1:02:03".
std::string clock_text(double seconds) {
  const auto total = static_cast<std::uint64_t>(std::lround(std::clamp(seconds, 0.0, 359999.0)));
  const auto minutes = total / 60;
  if (minutes < 60) return fmt::format("{}:{:02}", minutes, total % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, total % 60);
}

std::string bar(double fraction, std::size_t width) {
  const auto filled =
      std::min(static_cast<std::size_t>(fraction * static_cast<double>(width)), width);
  std::string text(width, ' ');
  std::fill_n(text.begin(), filled, '=');
  if (filled < width) text[filled] = '>';
  return text;
}

std::string rate_text(double rate) {
  return format_size(static_cast<std::uint64_t>(std::clamp(rate, 0.0, 1e18))) + "/s";
}

}  // namespace

std::string progress_line(const ProgressView& view, std::uint32_t columns) {
  std::string facts = fmt::format("{}, {}", format_size(view.delivered), rate_text(view.rate));
  if (!view.total || *view.total == 0) return facts.substr(0, columns);
  // A file that grows delivers more than it had.
  const auto total = std::max(*view.total, view.delivered);
  const double fraction = static_cast<double>(view.delivered) / static_cast<double>(total);
  facts = fmt::format("{} of {}, {}", format_size(view.delivered), format_size(total),
                      rate_text(view.rate));
  if (view.rate > 0) {
    facts += fmt::format(", ETA {}",
                         clock_text(static_cast<double>(total - view.delivered) / view.rate));
  }
  const std::string percent = fmt::format("{:3.0f}% ", fraction * 100);
  const std::size_t taken = percent.size() + facts.size() + 3;  // the brackets and a space
  if (columns < taken + 8) return (percent + facts).substr(0, columns);
  const std::size_t width = std::min<std::size_t>(columns - taken, widest_bar);
  return fmt::format("{}[{}] {}", percent, bar(fraction, width), facts);
}

ProgressBar::ProgressBar(std::optional<std::uint64_t> total)
    : total_(total), on_terminal_(os::is_terminal(standard_error)) {}

ProgressBar::~ProgressBar() {
  if (!visible_ || !on_terminal_) return;
  os::tell(fmt::format("\r{:{}}\r", "", os::terminal_width(standard_error) - 1));
}

void ProgressBar::update(std::uint64_t delivered) {
  const auto now = Clock::now();
  if (now - drawn_ < (on_terminal_ ? redraw_after : next_line_after)) return;
  const double recent = static_cast<double>(delivered - drawn_bytes_) /
                        std::chrono::duration<double>(now - drawn_).count();
  // Smoothed, so that the ETA can be read.
  rate_ = visible_ ? 0.8 * rate_ + 0.2 * recent : recent;
  drawn_ = now;
  drawn_bytes_ = delivered;
  visible_ = true;
  if (!on_terminal_)
    return os::tell(progress_line({delivered, total_, rate_}, columns_of_a_log) + "\n");
  const auto columns = std::max(os::terminal_width(standard_error), 2u) - 1;
  const auto line = progress_line({delivered, total_, rate_}, columns);
  os::tell(fmt::format("\r{:<{}}", line, columns));
}

}  // namespace leat::app
