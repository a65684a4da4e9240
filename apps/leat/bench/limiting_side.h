/// What keeps the runs of a row from being faster.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace leat::app::bench {

enum class LimitingSide : std::uint8_t {
  sender_cpu,
  receiver_cpu,
  feeder_cpu,
  disk,
  window,  ///< none of them is busy: they wait for each other
};

/// "sender_cpu", "disk", …: as in the JSON.
std::string_view name_of(LimitingSide side) noexcept;
/// "sender CPU", "disk", …: for people.
std::string_view text_of(LimitingSide side) noexcept;

/// How busy each side was while the clock ran.
struct Busy {
  double wall_s = 0;
  double sender_cpu_s = 0;
  std::optional<double> receiver_cpu_s;  ///< none: there is no such process
  std::optional<double> feeder_cpu_s;
  double disk_bytes = 0;  ///< read from and written to the disk
  double payload_bytes = 0;
  unsigned processors = 1;  ///< that the processes share
};

/// A side is busy from this share of the wall time on.
inline constexpr double busy_share = 0.9;

/// The busiest process, if it was busy; likewise if the processes together kept all processors
/// busy, since none of them could then have run more. Otherwise the disk, if at least half of the
/// payload was read from it or written to it. Otherwise they waited for each other. A process alone
/// has nobody to wait for: what is not the disk's time is its own, or was taken from it by other
/// programs of the machine.
LimitingSide limiting_side(const Busy& busy);

}  // namespace leat::app::bench
