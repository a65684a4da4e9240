#include "bench/hardware_copies.h"

namespace leat::app::bench {

std::optional<double> hardware_copies(const HardwarePath& path) noexcept {
  const bool from_file = path.pair.source == SourceKind::file;
  const bool to_file = path.pair.sink == SinkKind::file;
  if (path.mechanism == "reflink") return 0;
  const bool direct = path.mechanism == "direct_io";
  if (path.mechanism == "copy_file_range" && path.cold) return std::nullopt;
  const bool reads_disk = from_file && (path.cold || direct);
  const bool writes_disk = to_file && direct;
  if (!reads_disk && !writes_disk) return 0;
  if (!path.on_disk) return std::nullopt;
  return (reads_disk ? 1 : 0) + (writes_disk ? 1 : 0);
}

}  // namespace leat::app::bench
