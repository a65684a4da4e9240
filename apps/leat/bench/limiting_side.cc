#include "bench/limiting_side.h"

namespace leat::app::bench {
namespace {

/// Less is metadata, or what was read again because it had left the page cache.
constexpr double least_disk_part = 0.5;

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
  std::optional<LimitingSide> busiest;
  double most = 0;
  const auto look_at = [&](LimitingSide name, const std::optional<Side>& side) {
    if (!side || side->cpu + side->waited < busy_share || (busiest && side->cpu <= most)) return;
    most = side->cpu;
    busiest = name;
  };
  look_at(LimitingSide::sender_cpu, busy.sender);
  look_at(LimitingSide::receiver_cpu, busy.receiver);
  look_at(LimitingSide::feeder_cpu, busy.feeder);
  if (busiest) return *busiest;
  if (busy.disk_part >= least_disk_part) return LimitingSide::disk;
  if (busy.receiver || busy.feeder) return LimitingSide::window;
  return busy.sender_slept ? LimitingSide::disk : LimitingSide::sender_cpu;
}

}  // namespace leat::app::bench
