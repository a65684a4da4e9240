/// Opening files where waiting for a disk is not allowed: what Disk::never_wait is for their bytes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <leat/context.h>
#include <leat/error.h>
#include <leat/fd.h>
#include <leat/transfer.h>

namespace leat {

struct OpeningState;

/// A file that is being opened for reading. open(2) waits where a folder on the way is not in
/// memory, where the file system asks a server (FUSE, NFS), and where somebody holds a lease on the
/// file. Here the context's ring, or one of its `disk_threads`, waits instead. Where nobody needs
/// to (ext4, XFS, Btrfs, F2FS, tmpfs; every name on the way in memory), the file is open at once:
/// openat2(2) RESOLVE_CACHED. An end of a FIFO is opened as open(2) with O_NONBLOCK does it.
///
///     auto opening = Opening::start(context, path);
///     auto file = opening.take();          // and again, as opening.wait() says, while it is empty
///
/// On the context's thread only; destroyed before its context. Given up early, it closes what is
/// opened later. Move-only.
class Opening {
 public:
  /// `path` as open(2) has it, from the working folder. What cannot work shows at the first take().
  /// Threads that leave the process's mounts or root (unshare(2) CLONE_NEWNS or CLONE_FS) do so
  /// before they use a context: a ring's workers stay behind.
  static Opening start(Context& context, std::string path);

  Opening(Opening&&) noexcept;
  Opening& operator=(Opening&&) noexcept;
  ~Opening();

  /// The file, with O_NONBLOCK and O_CLOEXEC; nothing while others wait for it; or why it cannot be
  /// opened: what open(2) says, or Errc::would_wait where nobody may wait in the caller's place.
  /// Never waits. Not to be called again once it gave one or the other.
  Result<std::optional<OwnedFd>> take();
  /// When to ask again. Meaningful while take() gives nothing.
  Wait wait() const noexcept;

  /// True if take() is worth while for a reason that the Wait does not show.
  bool runnable() const noexcept;
  /// As Transfer::on_runnable.
  void on_runnable(std::function<void()> callback);

 private:
  explicit Opening(std::unique_ptr<OpeningState> state) noexcept;
  std::unique_ptr<OpeningState> state_;
};

}  // namespace leat
