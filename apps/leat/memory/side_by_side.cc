#include "memory/side_by_side.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "bench/report_cells.h"
#include "bench/rounds.h"
#include "memory/allocation_count.h"
#include "memory/sink.h"
#include "os/thread_clock.h"

namespace leat::app::memory {
namespace {

/// What the clocks can tell apart; it also keeps ratios finite.
constexpr double resolution_ns = 1;
constexpr std::uint64_t most_times = std::uint64_t{1} << 32;

struct Elapsed {
  double wall_ns = 0;
  double cpu_ns = 0;
};

void prepare(const Way& way, std::uint64_t times) {
  if (way.prepare) way.prepare(times);
}

Expected<Elapsed> take_sample(const Way& way, std::uint64_t times) {
  using Clock = std::chrono::steady_clock;
  prepare(way, times);
  const double cpu_before = os::thread_cpu_ns();
  const Clock::time_point before = Clock::now();
  const auto seen = way.run(times);
  const std::chrono::duration<double, std::nano> wall = Clock::now() - before;
  const double cpu = os::thread_cpu_ns() - cpu_before;
  if (!seen) return std::unexpected(fmt::format("{}: {}", way.name, seen.error()));
  keep(&*seen);
  return Elapsed{std::max(wall.count(), resolution_ns), std::max(cpu, resolution_ns)};
}

/// How often a sample does it.
Expected<std::uint64_t> times_for(const Way& way, double sample_ns) {
  std::uint64_t times = 1;
  while (true) {
    const auto elapsed = take_sample(way, times);
    if (!elapsed) return std::unexpected(elapsed.error());
    if (elapsed->wall_ns >= sample_ns || times >= most_times) return times;
    // Short runs are slow ones: cold caches, coarse clocks.
    const double wanted = 1.2 * sample_ns / elapsed->wall_ns;
    times = std::min(most_times, times * static_cast<std::uint64_t>(std::clamp(wanted, 2.0, 16.0)));
  }
}

Expected<std::optional<HeapUse>> heap_use(const Way& way, std::uint64_t times, double operations) {
  if (!way.counts_heap || !counts_allocations()) return std::optional<HeapUse>();
  prepare(way, times);
  const AllocationCount before = allocations_of_thread();
  const auto seen = way.run(times);
  const AllocationCount after = allocations_of_thread();
  if (!seen) return std::unexpected(fmt::format("{}: {}", way.name, seen.error()));
  const double all = static_cast<double>(times) * operations;
  return std::optional(HeapUse{static_cast<double>(after.bytes - before.bytes) / all,
                               static_cast<double>(after.allocations - before.allocations) / all});
}

/// Also the first run of each, which pays for what is cold.
Expected<void> check_alike(const std::vector<Way>& ways) {
  std::optional<std::uint64_t> first;
  for (const Way& way : ways) {
    prepare(way, 1);
    const auto seen = way.run(1);
    if (!seen) return std::unexpected(fmt::format("{}: {}", way.name, seen.error()));
    if (!first) first = *seen;
    if (*seen != *first) {
      return std::unexpected(
          fmt::format("{} does not see what {} sees", way.name, ways.front().name));
    }
  }
  return {};
}

/// A row, what it runs, and how often.
struct Entry {
  Row row;
  const Way* way = nullptr;
  std::uint64_t times = 1;
};

Expected<std::vector<Entry>> list_entries(const Group& group, const std::vector<Way>& ways,
                                          const Settings& settings) {
  std::vector<Entry> entries;
  for (const Way& way : ways) {
    const auto times = times_for(way, settings.sample_ns);
    if (!times) return std::unexpected(times.error());
    const auto heap = heap_use(way, *times, group.operations);
    if (!heap) return std::unexpected(heap.error());
    const Row row{.name = way.name, .from_disk = way.from_disk, .heap = *heap};
    entries.push_back({row, &way, *times});
    if (entries.size() > 1) continue;
    entries.push_back(entries.front());
    entries.back().row.repeat = true;
  }
  return entries;
}

Expected<void> run_round(Group& group, const std::vector<Entry>& entries) {
  for (const std::size_t index : bench::order_of_round(entries.size(), group.rounds)) {
    const Entry& entry = entries[index];
    const auto elapsed = take_sample(*entry.way, entry.times);
    if (!elapsed) return std::unexpected(elapsed.error());
    const double all = static_cast<double>(entry.times) * group.operations;
    group.rows[index].wall_ns.push_back(elapsed->wall_ns / all);
    group.rows[index].cpu_ns.push_back(elapsed->cpu_ns / all);
  }
  ++group.rounds;
  return {};
}

/// Far ahead of the first row, how many hundred times would never settle, nor matter.
bool narrow_enough(const bench::Ratio& ratio) {
  return ratio.high <= bench::far_ahead || ratio.half_width() <= bench::settled_half_width;
}

bool all_settled(const Group& group) {
  return std::all_of(group.rows.begin(), group.rows.end(),
                     [&](const Row& row) { return row.from_disk || is_settled(group, row); });
}

std::string share_text(double share) {
  return share < 0.02 ? fmt::format("1/{:.0f}", 1 / share) : fmt::format("{:.2f}", share);
}

/// Small shares as fractions, which two decimals would not tell apart.
std::string ratio_text(const bench::Ratio& ratio) {
  if (ratio.ratio >= 0.02 || ratio.low <= 0) return bench::ratio_cell(ratio, false);
  return fmt::format("1/{:.0f} [1/{:.0f}-1/{:.0f}]", 1 / ratio.ratio, 1 / ratio.low,
                     1 / ratio.high);
}

bench::Limit check(const Group& group, const Row& row, const Bound& bound) {
  const bench::Ratio ratio = wall_to_first(group, row);
  bench::Limit limit{
      .text = fmt::format("{} at most {} of {}: {}", row.name, share_text(bound.most), bound.to,
                          ratio_text(ratio)),
      .met = ratio.ratio <= bound.most,
      .settled = ratio.high <= bound.most || ratio.low > bound.most || narrow_enough(ratio)};
  if (!bound.must_not_allocate || !row.heap) return limit;
  limit.text += fmt::format("; no allocation: {:.6g}", row.heap->allocations);
  limit.met = limit.met && row.heap->allocations == 0;
  return limit;
}

}  // namespace

const Row* Group::find(std::string_view name) const {
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const Row& row) { return row.name == name && !row.repeat; });
  return found == rows.end() ? nullptr : &*found;
}

bench::Ratio wall_to_first(const Group& group, const Row& row) {
  return bench::paired_ratio(row.wall_ns, group.rows.front().wall_ns);
}

bench::Ratio cpu_to_first(const Group& group, const Row& row) {
  return bench::paired_ratio(row.cpu_ns, group.rows.front().cpu_ns);
}

bool is_settled(const Group& group, const Row& row) {
  if (&row == &group.rows.front()) return true;
  return narrow_enough(wall_to_first(group, row)) && narrow_enough(cpu_to_first(group, row));
}

std::vector<bench::Limit> check_bounds(const Group& group) {
  std::vector<bench::Limit> limits;
  for (const Bound& bound : group.bounds) {
    const Row* row = group.find(bound.row);
    if (!row || group.rows.front().name != bound.to) continue;
    limits.push_back(check(group, *row, bound));
  }
  return limits;
}

Expected<Group> measure(Group group, const std::vector<Way>& ways, const Settings& settings) {
  if (const auto alike = check_alike(ways); !alike) return std::unexpected(alike.error());
  const auto entries = list_entries(group, ways, settings);
  if (!entries) return std::unexpected(entries.error());
  group.rows.clear();
  group.rounds = 0;
  for (const Entry& entry : *entries) group.rows.push_back(entry.row);
  while (group.rounds < settings.min_rounds ||
         (group.rounds < settings.max_rounds && !all_settled(group))) {
    if (settings.progress) {
      settings.progress(fmt::format("{}: round {}", group.title, group.rounds + 1));
    }
    if (const auto ran = run_round(group, *entries); !ran) return std::unexpected(ran.error());
  }
  return group;
}

}  // namespace leat::app::memory
