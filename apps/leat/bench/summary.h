/// What the rounds come to: one summary a row, and the limits that leat promises to keep.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/limiting_side.h"
#include "bench/rounds.h"

namespace leat::app::bench {

/// Medians over the rounds, unless it says otherwise.
struct Summary {
  std::uint64_t runs = 0;
  double wall_s = 0;
  double wall_mad = 0;
  double cpu_s = 0;
  double cpu_mad = 0;
  std::optional<double> receiver_cpu_s;
  std::optional<double> feeder_cpu_s;
  double gib_per_s = 0;
  Ratio wall;  ///< to the baseline
  Ratio cpu;
  Ratio wall_to_best;  ///< to read_write at its best block
  Ratio cpu_to_best;
  double calls = 0;  ///< of each transfer, as are the switches
  double voluntary_switches = 0;
  double involuntary_switches = 0;
  std::optional<double> cpu_copies;            ///< per payload byte
  std::optional<double> planned_cpu_copies;    ///< likewise, as it follows from how the call works
  std::optional<double> dma_copies;            ///< likewise (bench/hardware_copies.h)
  std::optional<double> memory_traffic_bytes;  ///< a CPU copy reads and writes each byte once
  KnownBy known_by = KnownBy::unknown;
  Mechanism picked;
  std::uint64_t rss_anon_bytes = 0;  ///< the largest
  std::uint64_t peak_rss_bytes = 0;  ///< the largest
  std::uint64_t page_cache_growth_bytes = 0;
  double waited_share = 0;  ///< of the time the mover waited for a processor that others had
  LimitingSide limited_by = LimitingSide::window;
  bool settled = false;
  /// Only of series that were measured request by request.
  std::optional<double> latency_p50_s;
  std::optional<double> latency_p99_s;
  Ratio p99;  ///< to the baseline; that of p50 is `wall`
  bool p99_settled = false;
};

Summary summarize(const Series& series, const Row& row);

/// The block that read_write used in this row; 0 for other mechanisms, and for memory, which it
/// writes from where it lies.
std::uint32_t block_of(const Series& series, const Row& row);

/// A row that copies less than another and takes more CPU time all the same.
struct Contradiction {
  const Row* copies_less = nullptr;
  const Row* copies_more = nullptr;
  Ratio cpu;  ///< of the former to the latter; all of it is above 1
};

/// Where the ranking by CPU time is not that by copied bytes: pairs told apart by both. The
/// baseline's repeat and rows whose copies nobody knows are left out, and calls by hand.
std::vector<Contradiction> find_contradictions(const Series& series);

/// True if the interval does not contain 1.
bool is_told_apart(const Ratio& ratio) noexcept;

/// One promise with the figures that keep or break it.
struct Limit {
  std::string text;
  bool met = false;
  bool settled = true;  ///< false: the figures are too noisy to count
};

/// The promises about a 1 GiB file to TCP over the loopback, or none for other sizes and pairs.
std::vector<Limit> check_limits(const Series& series);

/// The rows with the least time, the baseline's repeat left out.
const Row& fastest(const Series& series, double (*value)(const Sample&));

}  // namespace leat::app::bench
