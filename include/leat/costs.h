/// What moving bytes costs on a host: the figures by which a plan ranks the mechanisms that fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <leat/error.h>
#include <leat/mechanism.h>

namespace leat {

/// The ends of a transfer, as far as costs depend on them.
enum class CostSource : std::uint8_t {
  file,       ///< in the page cache
  cold_file,  ///< not in the page cache
  memory,
  pipe,
  socket,
};
enum class CostSink : std::uint8_t { tcp, unix_socket, pipe, file };

/// "file", "cold_file", …; "tcp", "unix", …
std::string_view name_of(CostSource source) noexcept;
std::string_view name_of(CostSink sink) noexcept;

/// One measured figure: what one transfer of `bytes` took.
struct CostFigure {
  CostSource source = CostSource::file;
  CostSink sink = CostSink::tcp;
  Mechanism mechanism;
  std::uint64_t bytes = 0;
  double wall_ns = 0;
  double cpu_ns = 0;  ///< of the moving process
};

/// Figures of one host. A plain value; reading it is safe from any thread.
class Costs {
 public:
  /// None: plans keep to their fixed order.
  Costs() = default;
  /// Figures of one machine that leat was built with, for hosts that were not calibrated.
  static const Costs& shipped();

  /// The file that `leat calibrate` writes: text, one figure a line. What was measured on another
  /// kernel or another processor, or is damaged, is an error: Errc::stale_costs, Errc::bad_costs.
  /// Mechanisms that this build does not have are passed over. Errors besides: those of open(2).
  static Result<Costs> load(const std::string& path);
  /// Writes that file whole or not at all. Errors: those of FileReplacement.
  Result<void> save(const std::string& path) const;

  /// Replaces the figure for the same ends, mechanism and bytes. Those that are not above 0 and
  /// finite are not taken.
  void add(const CostFigure& figure);
  /// In order of source, sink, mechanism and bytes.
  std::span<const CostFigure> figures() const noexcept { return figures_; }
  bool empty() const noexcept { return figures_.empty(); }

  struct Estimate {
    double wall_ns = 0;
    double cpu_ns = 0;
  };
  /// Linear between the figures on both sides of `bytes`; beyond the largest, time for each further
  /// byte as between the last two. Nothing where nothing was measured.
  std::optional<Estimate> estimate(CostSource source, CostSink sink, Mechanism mechanism,
                                   std::uint64_t bytes) const noexcept;

  /// Where they were measured: the kernel's release and the processor's model name.
  std::string kernel;
  std::string cpu;

 private:
  /// Where the figures of one pair of ends and one mechanism are.
  struct Stretch {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };

  std::vector<CostFigure> figures_;
  std::vector<Stretch> stretches_;  // by source, sink and mechanism
};

/// The kernel's release and the processor's model name of this host, as `Costs` bears them;
/// "unknown" where /proc is not there. See uname(2), proc(5).
std::string kernel_release();
std::string processor_name();

}  // namespace leat
