/// The rounds of `leat bench transfer`: all rows in turn, again and again, until ratios settle.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <leat/audit.h>
#include <leat/mechanism.h>
#include <leat/plan.h>

#include "bench/run.h"
#include "bench/statistics.h"

namespace leat::app::bench {

/// A ratio counts once its 95 % interval is at most this wide on each side, as a share of it.
inline constexpr double settled_half_width = 0.07;
/// …of small messages this wide, which are payloads up to…
inline constexpr double settled_half_width_of_small = 0.10;
inline constexpr std::uint64_t small_bytes = 64u << 10;
/// …or is all below this.
inline constexpr double far_ahead = 0.01;

/// The block of the row that all others are compared with, whatever leat's own default is. Memory
/// is written from where it lies, in no blocks.
inline constexpr std::uint32_t baseline_block_bytes = 64u << 10;

struct Row {
  enum class Role : std::uint8_t {
    baseline,    ///< read_write, in blocks of 64 KiB if it has any
    repeat,      ///< the same once more: its ratio is the noise
    best_block,  ///< read_write at the block that the sweep found best
    mechanism,
    automatic,  ///< the planner's choice
    by_hand,    ///< a system call without leat
  };
  Role role = Role::mechanism;
  Way way;
  std::vector<Sample> samples;  ///< one a round
  CopyProfile profile{};        ///< of its sampled runs (bench/sampling.h)

  /// As in the JSON: "splice", "auto", "by hand: send(2)".
  std::string name() const;
  /// With the block, and told apart from its repeat: "read_write 64K", "read_write 64K (2)".
  std::string label() const;
};

/// "64K", "1M", "4097"; "-" for 0.
std::string short_size(std::uint32_t bytes);

/// A mechanism that has no row, and why.
struct Absent {
  Mechanism mechanism;
  std::string reason;
};

/// One block size of the sweep against the baseline's.
struct SweepPoint {
  std::uint32_t block_bytes = 0;
  Ratio wall;
  Ratio cpu;
};

struct Settings {
  std::vector<Mechanism> mechanisms;  ///< empty: all that fit
  bool automatic = true;              ///< with the planner's choice
  std::vector<std::uint32_t> blocks;  ///< of the sweep; empty: the usual ones
  int min_rounds = 11;
  int max_rounds = 60;
  /// Told what is going on, once a run.
  std::function<void(std::string_view)> progress;
};

/// Everything measured on one pair.
struct Series {
  Pair pair;
  std::uint64_t size = 0;
  std::vector<Row> rows;  ///< the baseline is the first
  std::vector<Absent> absent;
  std::vector<SweepPoint> sweep;                  ///< empty if there was none
  std::optional<std::uint32_t> best_block_bytes;  ///< the sweep's winner, perhaps the baseline's
  int rounds = 0;
  std::vector<Candidate> planned{};  ///< what plan() says of each mechanism
  std::string sampling_denied{};     ///< why there are no profiles, and what to do
  bool on_disk = false;              ///< the files lie on a block device
  std::uint64_t requests = 0;        ///< of a run; 0: it was not measured request by request
  std::uint64_t repeats = 1;         ///< transfers of a run, each the whole payload

  const Row& baseline() const { return rows.front(); }
  /// read_write at its best block: that row, else the baseline.
  const Row& best_read_write() const;
};

/// The order in which a round runs its rows: at random, so that none always runs after the same
/// neighbour's dirty pages and warm caches, and every second round as the one before in reverse, so
/// that a machine that slows down favours none. The same arguments always give the same order.
std::vector<std::size_t> order_of_round(std::size_t rows, int round);

/// What plan() says of the ends that the runs have; nothing is moved. The error is one line.
std::expected<Plan, std::string> plan_runs(const Payload& payload, const Pair& pair);

/// Median of the ratios of the runs of each round, of what `value` gives of a run.
Ratio compare(const Row& row, const Row& baseline, double (*value)(const Sample&));
double wall_of(const Sample& sample);
double cpu_of(const Sample& sample);
double p99_of(const Sample& sample);

/// How wide on each side the intervals of this series may be.
double half_width_wanted(const Series& series);

/// True once each of the row's ratios, to the baseline and to read_write's best, is narrow enough.
bool is_settled(const Series& series, const Row& row);

/// The error is one line.
std::expected<Series, std::string> run_series(const Payload& payload, const Pair& pair,
                                              const Settings& settings);

}  // namespace leat::app::bench
