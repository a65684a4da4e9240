#include "plan/rank.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "endpoint/hold.h"

namespace leat {
namespace {

// The fixed order (docs/architecture.md, "The order"). What a row does not name comes after it, in
// the registry's order; what does not fit is passed over, so one row serves several sinks.
constexpr std::string_view small_or_cold_file_to_stream[] = {"sendfile", "splice", "read_write",
                                                             "mmap_write", "direct_io"};
constexpr std::string_view file_to_stream[] = {"splice", "sendfile", "mmap_write", "read_write",
                                               "direct_io"};
constexpr std::string_view file_to_pipe[] = {"splice", "sendfile", "read_write", "mmap_write"};
constexpr std::string_view small_file_to_file[] = {
    "reflink", "copy_file_range", "read_write", "sendfile", "splice", "mmap_write", "direct_io"};
constexpr std::string_view small_pages_to_file[] = {
    "reflink", "read_write", "copy_file_range", "sendfile", "splice", "mmap_write", "direct_io"};
constexpr std::string_view file_to_file[] = {"reflink",    "copy_file_range", "sendfile", "splice",
                                             "read_write", "mmap_write",      "direct_io"};
constexpr std::string_view stream_to_any[] = {"splice", "read_write", "direct_io"};
constexpr std::string_view memory_to_any[] = {"read_write", "gather", "vmsplice", "zerocopy_send",
                                              "uring_send_zc"};
constexpr std::string_view scattered_to_any[] = {"gather", "read_write", "vmsplice",
                                                 "zerocopy_send", "uring_send_zc"};

using Row = std::span<const std::string_view>;

Row row_for(const SourceFacts& source, Kind sink) {
  if (source.kind == Kind::memory) {
    if (source.scattered) return scattered_to_any;
    return memory_to_any;
  }
  if (source.kind != Kind::file) return stream_to_any;
  if (sink == Kind::file) {
    if (source.promised > small_copied_bytes) return file_to_file;
    // The kernel's own copy_file_range goes through a pipe, as splice does; another is one request
    // to whoever keeps the file.
    if (source.volume.copies_by_pages) return small_pages_to_file;
    return small_file_to_file;
  }
  if (sink == Kind::pipe) return file_to_pipe;
  if (source.promised <= small_file_bytes || source.cached == Cached::little)
    return small_or_cold_file_to_stream;
  return file_to_stream;
}

bool contains(const Ranking& ranking, Mechanism mechanism) {
  const auto end = ranking.order.begin() + ranking.count;
  return std::find(ranking.order.begin(), end, mechanism) != end;
}

void add(Ranking& ranking, Mechanism mechanism) {
  if (ranking.count < Ranking::most) ranking.order[ranking.count++] = mechanism;
}

// What a row names, then all else in the registry's order.
Ranking ranking_of(std::span<const std::string_view> row) {
  Ranking ranking;
  for (const std::string_view name : row) {
    if (const auto mechanism = Mechanism::named(name)) add(ranking, *mechanism);
  }
  for (std::size_t index = 0; index < Mechanism::count(); ++index) {
    if (!contains(ranking, Mechanism::at(index))) add(ranking, Mechanism::at(index));
  }
  return ranking;
}

bool is_closed(Mechanism mechanism, std::uint32_t closed_ways) {
  return (closed_ways >> MechanismAccess::index(mechanism) & 1u) != 0;
}

std::optional<CostSource> cost_source_of(const SourceFacts& source) {
  switch (source.kind) {
    case Kind::file:
      return source.cached == Cached::little ? CostSource::cold_file : CostSource::file;
    case Kind::memory:
      // Measured in one piece. In several it is the calls that cost, and the fixed order saves
      // them.
      if (source.scattered) return std::nullopt;
      return CostSource::memory;
    case Kind::pipe: return CostSource::pipe;
    case Kind::socket: return CostSource::socket;
    case Kind::device: break;
  }
  return std::nullopt;
}

std::optional<CostSink> cost_sink_of(const SinkFacts& sink) {
  switch (sink.kind) {
    case Kind::socket: return sink.tcp ? CostSink::tcp : CostSink::unix_socket;
    case Kind::pipe: return CostSink::pipe;
    case Kind::file: return CostSink::file;
    case Kind::memory:
    case Kind::device: break;
  }
  return std::nullopt;
}

// One figure to order by: twice the time and half the CPU time count as equal.
std::optional<double> score(const Costs& costs, Mechanism mechanism, const SourceFacts& source,
                            const SinkFacts& sink) {
  if (!is_ordered_by_cost(mechanism, source, sink)) return std::nullopt;
  const auto expected = expected_cost(costs, mechanism, source, sink);
  if (!expected) return std::nullopt;
  return std::sqrt(expected->wall_ns * expected->cpu_ns);
}

void bring_forward(Ranking& ranking, std::string_view name) {
  const auto end = ranking.order.begin() + ranking.count;
  const auto found = std::find_if(ranking.order.begin(), end,
                                  [name](Mechanism mechanism) { return mechanism.name() == name; });
  if (found != end) std::rotate(ranking.order.begin(), found, found + 1);
}

// As good as equal, by what figures scatter from one calibration to the next (decision 11): then
// the fixed order decides.
constexpr double equal_costs = 1.03;

// Puts those whose cost is known in the order of their costs, into the places that they have. What
// was never measured stays where it is.
void sort_by_cost(Ranking& ranking, const SourceFacts& source, const SinkFacts& sink,
                  const Costs& costs) {
  struct Known {
    Mechanism mechanism;
    double score;
  };
  std::array<Known, Ranking::most> room;
  std::array<std::size_t, Ranking::most> places;
  std::size_t count = 0;
  for (std::size_t index = 0; index < ranking.count; ++index) {
    const Mechanism mechanism = ranking.order[index];
    if (const auto known = score(costs, mechanism, source, sink)) {
      room[count] = {mechanism, *known};
      places[count++] = index;
    }
  }
  const std::span<Known> known = std::span(room).first(count);
  for (std::size_t done = 0; done < count; ++done) {
    const auto rest = known.subspan(done);
    const auto cheapest = std::min_element(
        rest.begin(), rest.end(), [](const Known& a, const Known& b) { return a.score < b.score; });
    const double enough = cheapest->score * equal_costs;
    const auto next = std::find_if(rest.begin(), rest.end(),
                                   [enough](const Known& each) { return each.score <= enough; });
    std::rotate(rest.begin(), next, next + 1);
    ranking.order[places[done]] = rest.front().mechanism;
  }
}

Fit without_copies(const MechanismEntry& entry, const SourceFacts& source, const SinkFacts& sink,
                   const Needs& needs, Fit fit) {
  if (entry.lends)
    return {true, "copies are forbidden: the first that the kernel reports ends the transfer"};
  const Cost cost = entry.cost(source, sink);
  if (!cost.cpu_copies) return {false, "copies are forbidden, and here only the kernel knows"};
  if (*cost.cpu_copies > 0) return {false, "copies are forbidden, and it copies"};
  if (!cost.if_pages_are_taken || needs.pages_are_taken == true) return fit;
  if (needs.pages_are_taken == false)
    return {false, "copies are forbidden, and the network device takes no scattered pages"};
  return {false, "copies are forbidden, and the network device does not say if it takes pages"};
}

// With Disk::never_wait.
Fit without_waiting(const MechanismEntry& entry, const SourceFacts& source, Fit fit) {
  switch (source.residency) {
    case Residency::unasked:
    case Residency::always: return fit;
    case Residency::shown:
      if (entry.cold_pages != ColdPages::may_wait) return fit;
      return {false, "it may wait for the disk, also for more than the bytes that it moves"};
    case Residency::hidden:
      if (entry.cold_pages == ColdPages::never_wait) return fit;
      return {false,
              "only its owner may see what of the file is in memory, and a cold page would make it "
              "wait"};
    case Residency::uncached:
      if (entry.cold_pages == ColdPages::never_wait) return fit;
      return {false,
              "the descriptor reads past the page cache (O_DIRECT): it would wait each time"};
  }
  return fit;
}

// A clone, or what nobody can change, may be shared. Under a lease what was looked at is what was
// there before somebody wanted to write; what shares pages looks at nothing.
Fit under_snapshot(const MechanismEntry& entry, const SourceFacts& source, Fit fit) {
  if (source.kind != Kind::file) return fit;
  if (source.hold == Hold::none) return {false, source.unheld};
  if (source.hold != Hold::lease) return fit;
  if (!entry.asks_lease)
    return {false,
            "a snapshot by a lease is copied and the lease asked before bytes are handed on"};
  return {true, "copies under a lease, which it asks before it hands the bytes on", fit.leaves};
}

// What cannot be read once more has to be shown by whoever moves it.
Fit under_a_witness(const MechanismEntry& entry, const SourceFacts& source, const SinkFacts& sink,
                    const Needs& needs, Fit fit) {
  if (source.kind == Kind::memory || sink.kind == Kind::memory) return fit;
  if (source.can_be_read_again()) return fit;
  if (needs.copies_forbidden)
    return {false, "copies are forbidden, and the bytes of a stream are not seen without one"};
  if (!entry.shows_bytes)
    return {false, "the bytes have to be seen, and what it moves cannot be read once more"};
  return fit;
}

}  // namespace

// Each row is looked up once: every plan begins with one.
const Ranking& preference(const SourceFacts& source, Kind sink) {
  struct Known {
    Row row;
    Ranking ranking;
  };
  static const std::array<Known, 9> known = [] {
    const std::array<Row, 9> rows{small_or_cold_file_to_stream,
                                  file_to_stream,
                                  file_to_pipe,
                                  small_file_to_file,
                                  small_pages_to_file,
                                  file_to_file,
                                  stream_to_any,
                                  memory_to_any,
                                  scattered_to_any};
    std::array<Known, 9> all;
    std::transform(rows.begin(), rows.end(), all.begin(),
                   [](Row row) { return Known{row, ranking_of(row)}; });
    return all;
  }();
  const Row row = row_for(source, sink);
  return std::find_if(known.begin(), known.end(),
                      [row](const Known& each) { return each.row.data() == row.data(); })
      ->ranking;
}

Fit judge(Mechanism mechanism, const SourceFacts& source, const SinkFacts& sink,
          const Needs& needs) {
  const MechanismEntry& entry = MechanismAccess::entry(mechanism);
  if (needs.forced && mechanism != needs.forced) return {false, "another mechanism is forced"};
  Fit fit = without_waiting(entry, source, entry.fits(source, sink));
  if (fit.fits && needs.snapshot) fit = under_snapshot(entry, source, fit);
  if (fit.fits && needs.witness) fit = under_a_witness(entry, source, sink, needs, fit);
  if (!fit.fits) return fit;
  if (!fit.leaves.empty() && (needs.forced || needs.copies_forbidden)) return {false, fit.leaves};
  if (is_closed(mechanism, needs.closed_ways) && !needs.forced)
    return {false, "it refused for such ends before"};
  const bool may_hold_back = sink.kind == Kind::socket && sink.tcp && !sink.nodelay;
  if (needs.has_successor && may_hold_back && !sink.is_connection && !entry.carries_more) {
    return {
        false,
        "it cannot say that more follows, and a borrowed socket without TCP_NODELAY would stall"};
  }
  return needs.copies_forbidden ? without_copies(entry, source, sink, needs, fit) : fit;
}

Seen seen_by_witness(Mechanism mechanism, const SourceFacts& source, const SinkFacts& sink) {
  const MechanismEntry& entry = MechanismAccess::entry(mechanism);
  if (source.kind == Kind::memory || sink.kind == Kind::memory)
    return {"the witness sees the memory itself: no copy"};
  if (entry.asks_lease) return {"the witness sees the block that the bytes pass through: no copy"};
  if (entry.shows_bytes) return {"the witness is shown a tee(2) of the pipe: one copy", 1};
  return {"the witness reads the file once more, from memory while it is there: one copy", 1};
}

Ranking rank(const SourceFacts& source, const SinkFacts& sink, const Needs& needs) {
  Ranking fitting;
  const Ranking& all = preference(source, sink.kind);
  for (std::size_t index = 0; index < all.count; ++index) {
    if (judge(all.order[index], source, sink, needs).fits) add(fitting, all.order[index]);
  }
  if (needs.costs) sort_by_cost(fitting, source, sink, *needs.costs);
  if (needs.lends_first) bring_forward(fitting, "zerocopy_send");
  return fitting;
}

bool is_ordered_by_cost(Mechanism mechanism, const SourceFacts& source, const SinkFacts& sink) {
  const MechanismEntry& entry = MechanismAccess::entry(mechanism);
  if (entry.passes_by_the_cache) return false;
  // What the file system does by itself is as fast as it makes it, wherever that was measured.
  const bool is_the_kernels = source.volume.copies_by_pages && sink.volume.copies_by_pages;
  return !entry.file_system_moves || is_the_kernels;
}

std::optional<Costs::Estimate> expected_cost(const Costs& costs, Mechanism mechanism,
                                             const SourceFacts& source, const SinkFacts& sink) {
  const auto from = cost_source_of(source);
  const auto to = cost_sink_of(sink);
  if (!from || !to) return std::nullopt;
  constexpr std::uint64_t a_long_one = 64 << 20;
  const std::uint64_t length = source.promised == to_end ? a_long_one : source.promised;
  return costs.estimate(*from, *to, mechanism, planned_length(length));
}

Error nothing_left(const SourceFacts& source, const SinkFacts& sink, const Needs& needs) {
  if (needs.snapshot && source.kind == Kind::file && source.hold == Hold::none)
    return no_snapshot(source.unheld);
  Error error{
      .code = make_error_code(Errc::nothing_fits),
      .operation = "plan",
      .mechanism = needs.forced,
      .subject = std::string(name_of(source.kind)) + " to " + std::string(name_of(sink.kind)),
      .hint = {}};
  if (needs.forced) {
    error.code = make_error_code(Errc::does_not_fit);
    error.hint = std::string(needs.forced.name()) + ": " +
                 std::string(judge(needs.forced, source, sink, needs).reason);
  } else if (needs.copies_forbidden) {
    error.code = make_error_code(Errc::would_copy);
    const Ranking& all = preference(source, sink.kind);
    error.hint = std::string(all.order[0].name()) + ": " +
                 std::string(judge(all.order[0], source, sink, needs).reason);
  }
  return error;
}

}  // namespace leat
