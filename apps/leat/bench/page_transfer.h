/// The parts of a page about `leat bench transfer`: charts and tables of one pair of ends.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/page_parts.h"
#include "html/page.h"

namespace leat::app::bench {

using Rows = std::vector<const Json*>;

/// The rows of one pair of ends at one size; the baseline is the first.
struct SizedRows {
  double size = 0;
  Rows rows;

  /// True if the rows were measured request by request: wall time is then the median latency.
  bool of_requests() const;
};

/// The rows of one pair of ends, under the same conditions, by growing size.
struct Scene {
  std::string ends;                     ///< "file to TCP over loopback, warm"
  std::optional<std::string> receiver;  ///< of transfers that were not requests
  std::vector<SizedRows> sizes;

  /// "file to TCP over loopback, warm, the receiver discards, 64 B to 1.00 GiB"
  std::string title() const;
};

/// In order of appearance.
std::vector<Scene> scenes_of(const Json& result);

/// "read_write 64K (2)"
std::string label_of(const Json& row);

/// Wall and CPU time, to the baseline's.
html::BarChart bars_of(const SizedRows& sized);
/// Where the CPU time went; without stacks if nothing was sampled.
html::StackChart stacks_of(const SizedRows& sized);
/// Time a byte over size, of what `key` names ("wall_s", "cpu_s").
html::CurveChart curves_of(const Scene& scene, const char* key, const char* title);

/// What it takes, and where that goes.
html::Table times_of(const SizedRows& sized);
html::Table places_of(const SizedRows& sized);

}  // namespace leat::app::bench
