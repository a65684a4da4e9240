#include "endpoint/hold.h"

#include <linux/magic.h>

#include <optional>
#include <string>
#include <utility>

#include "os/clone_range.h"
#include "os/descriptor.h"
#include "os/file.h"
#include "os/immutable.h"

namespace leat {
namespace {

enum class Way : bool { look, hold };

// A nameless file beside `neighbour` that shares the extents of `source`.
std::optional<OwnedFd> clone_beside(FdRef neighbour, FdRef source, Way way) {
  const auto folder = os::folder_of(neighbour);
  if (!folder) return std::nullopt;
  auto nameless = os::create_nameless(*folder, 0600, true);
  if (!nameless) return std::nullopt;
  if (way == Way::hold && !os::clone_file(source, *nameless)) return std::nullopt;
  return std::move(*nameless);
}

std::optional<OwnedFd> clone_of(const Source& source, const os::FileSystem& system,
                                const Sink& sink, Way way) {
  if (source.offset() == at_cursor || !system.shares_extents) return std::nullopt;
  auto clone = clone_beside(source.fd(), source.fd(), way);
  if (clone || sink.kind() != Kind::file) return clone;
  const auto other = os::file_system(sink.fd());
  if (!other || other->type != system.type) return std::nullopt;
  return clone_beside(sink.fd(), source.fd(), way);
}

std::string_view why_no_lease(const Error& error) {
  if (error.operation != "fcntl F_SETLEASE")
    return "it cannot be opened once more, which a lease needs";
  if (error.is(EAGAIN)) return "somebody has it open for writing";
  if (error.is(EACCES)) return "only its owner may take a lease on it, or who has CAP_LEASE";
  if (error.is(EINVAL)) return "its file system has no leases";
  return "the kernel gives no lease on it";
}

HeldFile leased(const Source& source, const os::FileStat& stat, const os::FileSystem& system) {
  // The descriptor that memfd_create(2) makes is not counted among the writers of its file, so that
  // a lease would be granted beside it.
  const bool in_memory = system.type == TMPFS_MAGIC || system.type == HUGETLBFS_MAGIC;
  if (in_memory && stat.links == 0)
    return {.unheld = "of a memfd, only its seals keep writers off: F_SEAL_WRITE, F_SEAL_SHRINK"};
  // Whatever makes up the bytes there, or stands behind a FUSE, opens nothing to change them.
  if (system.size_trust != os::SizeTrust::always)
    return {.unheld = "its file system changes files that nobody has open for writing"};
  auto lease = os::take_read_lease(source.fd(), source.owned());
  if (!lease) return {.unheld = why_no_lease(lease.error())};
  return {.hold = Hold::lease, .lease = std::move(*lease)};
}

HeldFile held(const Source& source, const Sink& sink, Disk disk, Way way) {
  if (os::is_immutable(source.fd())) return {.hold = Hold::immutable};
  const auto stat = os::stat(source.fd());
  if (!stat) return {.unheld = "fstat(2) does not say what it is"};
  if (stat->type != os::FileType::regular) return {.unheld = "a block device takes no lease"};
  const auto system = os::file_system(source.fd()).value_or(os::FileSystem());
  if (disk == Disk::may_wait) {
    if (auto clone = clone_of(source, system, sink, way))
      return {.hold = Hold::clone, .clone = std::move(*clone)};
  }
  return leased(source, *stat, system);
}

}  // namespace

Error no_snapshot(std::string_view unheld) {
  return {.code = make_error_code(Errc::no_snapshot),
          .operation = "hold",
          .mechanism = {},
          .subject = "source",
          .hint = std::string(unheld) + "; or use Consistency::detect"};
}

HeldFile hold_file(const Source& source, const Sink& sink, Disk disk) {
  return held(source, sink, disk, Way::hold);
}

HeldFile could_hold(const Source& source, const Sink& sink, Disk disk) {
  return held(source, sink, disk, Way::look);
}

}  // namespace leat
