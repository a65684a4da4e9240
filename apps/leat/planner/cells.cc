#include "planner/cells.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "bench/rounds.h"
#include "sizes.h"

namespace leat::app::planner {
namespace {

using bench::Cache;
using bench::Pair;
using bench::SinkKind;
using bench::SourceKind;

constexpr std::array sinks{SinkKind::tcp, SinkKind::unix_socket, SinkKind::pipe, SinkKind::file};
constexpr std::array sources{SourceKind::file, SourceKind::memory, SourceKind::pipe,
                             SourceKind::tcp};

constexpr std::uint64_t kib = 1 << 10;
constexpr std::uint64_t mib = 1 << 20;

/// What is fed by another process is seldom short, and then it is the feeder that is measured.
bool is_worth_measuring(const Pair& pair, std::uint64_t size) {
  constexpr std::uint64_t least_fed = 16 * kib;
  return !pair.is_fed() || size >= least_fed;
}

void add(std::vector<Cell>& cells, Cache cache, std::span<const std::uint64_t> sizes) {
  for (const SourceKind source : sources) {
    if (cache == Cache::cold && source != SourceKind::file) continue;
    for (const SinkKind sink : sinks) {
      const Pair pair{.source = source, .sink = sink, .cache = cache};
      for (const std::uint64_t size : sizes) {
        if (is_worth_measuring(pair, size)) cells.push_back({pair, size});
      }
    }
  }
}

bench::Room room_for(const std::vector<Cell>& cells, Cache cache) {
  bench::Room room;
  for (const Cell& cell : cells) {
    if (cell.pair.cache != cache) continue;
    const bench::Room needed = bench::room_for(cell.pair);
    room = {std::max(room.disk, needed.disk), std::max(room.memory, needed.memory)};
  }
  return room;
}

std::uint64_t largest_of(const std::vector<Cell>& cells, Cache cache) {
  std::uint64_t largest = 1;
  for (const Cell& cell : cells) {
    if (cell.pair.cache == cache) largest = std::max(largest, cell.size);
  }
  return largest;
}

}  // namespace

std::string describe(const Cell& cell) {
  return fmt::format("{}, {}", bench::describe(cell.pair), format_size(cell.size));
}

std::vector<Cell> calibration_cells() {
  constexpr std::array warm{1 * kib, 16 * kib, 64 * kib, 256 * kib, 2 * mib, 32 * mib};
  constexpr std::array cold{256 * kib, 1 * mib, 16 * mib};
  std::vector<Cell> cells;
  add(cells, Cache::warm, warm);
  add(cells, Cache::cold, cold);
  // Of many rounds the shortest says more than one long run does.
  for (Cell& cell : cells) cell.pair.brief = cell.pair.placed = true;
  return cells;
}

std::vector<Cell> regret_cells(std::uint64_t largest) {
  constexpr std::array warm{1 * kib, 8 * kib, 48 * kib, 128 * kib, 1 * mib, 16 * mib, 256 * mib};
  constexpr std::array cold{128 * kib, 1 * mib, 64 * mib};
  constexpr std::array whole{1024 * mib};
  std::vector<Cell> cells;
  add(cells, Cache::warm, warm);
  add(cells, Cache::cold, cold);
  // One length of its own: all pairs of it would take longer than all the rest.
  cells.push_back({Pair{.source = SourceKind::file, .sink = SinkKind::tcp}, whole.front()});
  std::erase_if(cells, [largest](const Cell& cell) { return cell.size > largest; });
  for (Cell& cell : cells) cell.pair.placed = true;
  return cells;
}

CostSource cost_source(const Pair& pair) noexcept {
  switch (pair.source) {
    case SourceKind::file:
      return pair.cache == Cache::cold ? CostSource::cold_file : CostSource::file;
    case SourceKind::memory: return CostSource::memory;
    case SourceKind::pipe: return CostSource::pipe;
    case SourceKind::tcp: break;
  }
  return CostSource::socket;
}

CostSink cost_sink(const Pair& pair) noexcept {
  switch (pair.sink) {
    case SinkKind::tcp: return CostSink::tcp;
    case SinkKind::unix_socket: return CostSink::unix_socket;
    case SinkKind::pipe: return CostSink::pipe;
    case SinkKind::file: break;
  }
  return CostSink::file;
}

std::expected<Files, std::string> Files::make(const std::string& folder,
                                              const std::vector<Cell>& cells) {
  auto warm = bench::make_payload(folder, largest_of(cells, Cache::warm),
                                  room_for(cells, Cache::warm), Cache::warm);
  if (!warm) return std::unexpected(warm.error());
  auto cold = bench::make_payload(folder, largest_of(cells, Cache::cold),
                                  room_for(cells, Cache::cold), Cache::cold);
  if (!cold) return std::unexpected(cold.error());
  return Files{std::move(*warm), std::move(*cold), folder};
}

bench::Payload Files::payload_of(const Cell& cell) const {
  const bench::PayloadFile& from = cell.pair.cache == Cache::cold ? cold : warm;
  return {from.file, cell.size, folder};
}

std::expected<std::vector<Mechanism>, std::string> mechanisms_for(const Files& files,
                                                                  const Cell& cell) {
  const auto plan = bench::plan_runs(files.payload_of(cell), cell.pair);
  if (!plan) return std::unexpected(plan.error());
  // direct_io does other work: what is read or written next is not in the page cache then. What the
  // loopback is lent it copies after all, in whoever's time the packet is taken in.
  constexpr std::array<std::string_view, 3> left_out{"direct_io", "zerocopy_send", "uring_send_zc"};
  std::vector<Mechanism> mechanisms;
  for (const Candidate& each : plan->candidates) {
    if (std::ranges::find(left_out, each.mechanism.name()) != left_out.end()) continue;
    if (each.fits && each.mechanism.unavailable().empty()) mechanisms.push_back(each.mechanism);
  }
  return mechanisms;
}

}  // namespace leat::app::planner
