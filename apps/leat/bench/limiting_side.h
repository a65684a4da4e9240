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

/// One process while the clock ran, in shares of that time.
struct Side {
  double cpu = 0;     ///< on a processor; more than 1 with threads of its own
  double waited = 0;  ///< ready, and waiting for a processor that others had
};

struct Busy {
  Side sender;
  std::optional<Side> receiver;  ///< none: there is no such process
  std::optional<Side> feeder;
  bool sender_slept = false;  ///< it gave up its processor to wait for something
  double disk_part = 0;       ///< read from the disk or written to it, a share of the payload
};

/// A side is busy from this share of the time on.
inline constexpr double busy_share = 0.9;

/// Of the processes that were busy the one with the most CPU time. A process that waits for a
/// processor is busy: it does not wait for another side, and processes that share few processors
/// are not told to wait for each other. If none is busy the disk, if at least half of the payload
/// was read from it or written to it; else they waited for each other. A process alone has only the
/// disk to sleep for.
LimitingSide limiting_side(const Busy& busy);

}  // namespace leat::app::bench
