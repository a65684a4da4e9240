#include "transfer/snapshot.h"

#include <algorithm>
#include <utility>

#include "endpoint/access.h"

namespace leat {

Result<void> Snapshot::begin(std::span<Source> parts, const Sink& sink, const Options& options) {
  const Consistency consistency = options.consistency;
  begun_ = true;
  consistency_ = consistency;
  disk_ = options.disk;
  parts_.resize(parts.size());
  for (std::size_t index = 0; index < parts.size(); ++index) {
    if (parts[index].kind() != Kind::file) continue;
    const auto version = os::version_of(parts[index].fd());
    if (!version) return std::unexpected(version.error());
    parts_[index].version = *version;
    if (consistency != Consistency::snapshot) continue;
    if (auto held = hold(parts, index, sink); !held) return held;
  }
  return {};
}

Result<void> Snapshot::hold(std::span<Source> parts, std::size_t index, const Sink& sink) {
  Part& part = parts_[index];
  // Parts of one file are of one moment: leases overlap, and a clone is shared.
  const auto same = [&](const Part& other) {
    return other.file.clone.valid() && other.version.device == part.version.device &&
           other.version.inode == part.version.inode;
  };
  const auto end = parts_.begin() + static_cast<std::ptrdiff_t>(index);
  const auto earlier = std::find_if(parts_.begin(), end, same);
  if (earlier != end && parts[index].offset() != at_cursor) {
    part.file.hold = Hold::clone;
    EndpointAccess::redirect(parts[index], earlier->file.clone);
    return {};
  }
  part.file = hold_file(parts[index], sink, disk_);
  if (part.file.hold == Hold::none) return std::unexpected(no_snapshot(part.file.unheld));
  if (part.file.clone.valid()) EndpointAccess::redirect(parts[index], part.file.clone);
  has_lease_ |= part.file.lease.valid();
  return {};
}

Hold Snapshot::hold_of(std::size_t part) const noexcept {
  return part < parts_.size() ? parts_[part].file.hold : Hold::none;
}

const os::ReadLease* Snapshot::lease_of(std::size_t part) const noexcept {
  if (part >= parts_.size() || !parts_[part].file.lease.valid()) return nullptr;
  return &parts_[part].file.lease;
}

bool Snapshot::holds() const noexcept {
  return !has_lease_ || std::ranges::all_of(parts_, [](const Part& part) {
    return !part.file.lease.valid() || part.file.lease.holds();
  });
}

bool Snapshot::is_unchanged(std::span<const Source> parts) const {
  if (consistency_ != Consistency::detect) return holds();
  for (std::size_t index = 0; index < parts.size(); ++index) {
    if (parts[index].kind() != Kind::file) continue;
    const auto version = os::version_of(parts[index].fd());
    if (!version || *version != parts_[index].version) return false;
  }
  return true;
}

void Snapshot::end() noexcept {
  parts_.clear();
  has_lease_ = false;
}

}  // namespace leat
