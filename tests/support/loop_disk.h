// A file system of its own on a loop device.
#pragma once

#include <cstdint>
#include <string>

#include <leat/fd.h>

#include "support/guards.h"

namespace leat::testing {

/// Mounted while it lives, in a mount namespace of the calling thread, from an image without a
/// name: even a killed test leaves neither a mount nor a loop device nor the image behind.
class LoopDisk {
 public:
  /// Empty, or why there can be none here, for GTEST_SKIP: it needs root, loop devices, `mkfs` and
  /// the file system in the kernel.
  static std::string unavailable(const std::string& type);

  /// `mkfs` is the rest of the command line of mkfs.TYPE. Aborts if it cannot be made.
  explicit LoopDisk(const std::string& type, const std::string& mkfs = "",
                    std::uint64_t size = std::uint64_t{512} << 20);
  ~LoopDisk();
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;

  std::string path(const std::string& name = "") const { return folder_.file(name); }
  /// A new empty file in it, open for reading and writing.
  OwnedFd create(const std::string& name) const;

 private:
  Folder folder_;
};

/// What the file system says of a file's extents, written out first. See the kernel's
/// Documentation/filesystems/fiemap.rst.
struct ExtentSummary {
  std::uint64_t extents = 0;
  std::uint64_t shared = 0;        ///< of them, those marked FIEMAP_EXTENT_SHARED
  std::uint64_t mapped_bytes = 0;  ///< in all of them
};
ExtentSummary extents_of(FdRef file, std::uint64_t offset = 0, std::uint64_t length = UINT64_MAX);

/// Runs a command line by sh(1); its exit status. What it prints is thrown away.
int run_quietly(const std::string& command);

}  // namespace leat::testing
