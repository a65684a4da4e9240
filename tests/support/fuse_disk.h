// A slow disk: a FUSE file system of one file that answers reads when it is told to.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <leat/fd.h>

namespace leat::testing {

struct FuseOptions {
  std::uint64_t seed = 1;
  std::uint64_t size = 0;  ///< of the file, whose bytes are the pattern of `seed`
  std::chrono::milliseconds delay{
      0};                    ///< of the answer to each read, many of which may wait at once
  bool holds = false;        ///< answers no read before `release`
  bool holds_opens = false;  ///< nor any open(2)
  std::uint64_t fails_at = UINT64_MAX;  ///< reads of this byte are answered by EIO
};

/// Mounted while it lives, in a mount namespace of the calling thread. Its server is a thread of
/// its own. There preadv2(2) with RWF_NOWAIT is EOPNOTSUPP.
class FuseDisk {
 public:
  /// Empty, or why there can be none here, for GTEST_SKIP.
  static std::string unavailable();

  /// Aborts if it cannot be made.
  explicit FuseDisk(const FuseOptions& options);
  ~FuseDisk();
  FuseDisk(const FuseDisk&) = delete;
  FuseDisk& operator=(const FuseDisk&) = delete;

  /// The file, open for reading, which waits while `holds_opens`; nothing of it is in memory.
  OwnedFd open() const;
  std::string path() const { return folder_ + "/file"; }
  /// Answers what it holds, and holds nothing any more.
  void release();
  /// Waits until it holds `count` requests.
  void wait_until_held(std::uint64_t count);
  /// Reads so far, and the bytes that they asked for.
  std::uint64_t reads() const;
  std::uint64_t bytes_read() const;

 private:
  struct Server;
  std::string folder_;
  std::unique_ptr<Server> server_;
};

}  // namespace leat::testing
