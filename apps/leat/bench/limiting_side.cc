#include "bench/limiting_side.h"

namespace leat::app::bench {
namespace {

/// Less is metadata, or what was read again because it had left the page cache.
constexpr double disk_part = 0.5;

}  // namespace

std::string_view name_of(LimitingSide side) noexcept {
  switch (side) {
    case LimitingSide::sender_cpu: return "sender_cpu";
    case LimitingSide::receiver_cpu: return "receiver_cpu";
    case LimitingSide::feeder_cpu: return "feeder_cpu";
    case LimitingSide::disk: return "disk";
    case LimitingSide::window: return "window";
  }
  return "unknown";
}

std::string_view text_of(LimitingSide side) noexcept {
  switch (side) {
    case LimitingSide::sender_cpu: return "sender CPU";
    case LimitingSide::receiver_cpu: return "receiver CPU";
    case LimitingSide::feeder_cpu: return "feeder CPU";
    case LimitingSide::disk: return "disk";
    case LimitingSide::window: return "window";
  }
  return "unknown";
}

LimitingSide limiting_side(const Busy& busy) {
  LimitingSide busiest = LimitingSide::sender_cpu;
  double most = busy.sender_cpu_s;
  double together = busy.sender_cpu_s;
  const auto look_at = [&](LimitingSide side, const std::optional<double>& cpu_s) {
    if (!cpu_s) return;
    together += *cpu_s;
    if (*cpu_s <= most) return;
    most = *cpu_s;
    busiest = side;
  };
  look_at(LimitingSide::receiver_cpu, busy.receiver_cpu_s);
  look_at(LimitingSide::feeder_cpu, busy.feeder_cpu_s);

  if (most >= busy_share * busy.wall_s) return busiest;
  if (together >= busy_share * busy.wall_s * busy.processors) return busiest;
  if (busy.payload_bytes > 0 && busy.disk_bytes >= disk_part * busy.payload_bytes) {
    return LimitingSide::disk;
  }
  const bool alone = !busy.receiver_cpu_s && !busy.feeder_cpu_s;
  return alone ? LimitingSide::sender_cpu : LimitingSide::window;
}

}  // namespace leat::app::bench
