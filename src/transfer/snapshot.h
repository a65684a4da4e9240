// Consistency: the files of a source kept as they are, or looked at before and after.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <leat/transfer.h>

#include "endpoint/hold.h"
#include "os/descriptor.h"

namespace leat {

/// Of one transfer. Inactive unless begun: Consistency::live needs none. See
/// docs/decisions/0013-snapshots.md.
class Snapshot {
 public:
  /// How long a blocked transfer with a lease goes without looking whether somebody waits.
  static constexpr std::chrono::milliseconds longest_wait{100};

  /// Holds every file among `parts`, or for `detect` notes what it is. A part that is held as a
  /// clone reads that from now on. Errors: no_snapshot.
  Result<void> begin(std::span<Source> parts, const Sink& sink, const Options& options);
  bool begun() const noexcept { return begun_; }
  bool has_lease() const noexcept { return has_lease_; }

  Hold hold_of(std::size_t part) const noexcept;
  /// Null if that is not how the part is held.
  const os::ReadLease* lease_of(std::size_t part) const noexcept;
  /// Whether nobody waits for a lease.
  bool holds() const noexcept;
  /// Whether the files are what they were, as far as that can be seen: at the end.
  bool is_unchanged(std::span<const Source> parts) const;
  /// Lets go of everything.
  void end() noexcept;

 private:
  struct Part {
    HeldFile file;
    os::FileVersion version;
  };
  Result<void> hold(std::span<Source> parts, std::size_t index, const Sink& sink);

  std::vector<Part> parts_;
  Consistency consistency_ = Consistency::live;
  Disk disk_ = Disk::may_wait;
  bool begun_ = false;
  bool has_lease_ = false;
};

}  // namespace leat
