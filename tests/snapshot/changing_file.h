// A file on one of several file systems, and everything that somebody can do to it meanwhile.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include <leat/fd.h>

#include "support/guards.h"
#include "support/loop_disk.h"

namespace leat::testing {

enum class Edit : std::uint8_t {
  write,              ///< opens it for writing, and writes all of it anew
  write_open_before,  ///< the same by a descriptor that was opened before the transfer
  map_after,          ///< opens it for writing, maps it and stores
  map_before,         ///< the same by a mapping that was there before the transfer, its pages dirty
  truncate,           ///< by truncate(2)
  extend,
  replace,   ///< rename(2) of another file to its name
  empty_it,  ///< open(2) with O_RDONLY | O_TRUNC, which no lease keeps off
};
inline constexpr Edit all_edits[] = {Edit::write,      Edit::write_open_before, Edit::map_after,
                                     Edit::map_before, Edit::truncate,          Edit::extend,
                                     Edit::replace,    Edit::empty_it};
std::string name_of(Edit edit);
void PrintTo(Edit edit, std::ostream* out);
/// True if it needs the file to be open for writing beforehand.
bool is_open_before(Edit edit);

/// Removed with everything on it. `type` is ext4, btrfs, xfs or tmpfs.
class FileSystemUnderTest {
 public:
  static std::string unavailable(const std::string& type);
  explicit FileSystemUnderTest(const std::string& type);
  std::string path(const std::string& name) const;

 private:
  std::optional<LoopDisk> disk_;
  std::optional<Folder> memory_;
};

/// Its old bytes and its new ones differ at every place.
class ChangingFile {
 public:
  ChangingFile(std::string path, std::uint64_t size);

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return old_.size(); }
  const std::vector<std::byte>& old_bytes() const { return old_; }

  /// To be called before the transfer.
  void prepare(Edit edit);
  /// Does it on a thread of its own, and returns once it is done or waits for a lease to end.
  void edit(Edit edit);
  /// Waits until it is done.
  void finish();
  bool is_edited() const { return done_; }

 private:
  void change(Edit edit);
  bool lease_is_breaking() const;

  std::string path_;
  std::vector<std::byte> old_;
  std::vector<std::byte> new_;
  std::uint64_t inode_ = 0;
  OwnedFd opened_;
  std::byte* mapped_ = nullptr;
  std::atomic<bool> done_ = false;
  std::jthread thread_;
};

/// How received bytes, the first of a file, relate to it.
struct Comparison {
  std::uint64_t old_bytes = 0;
  std::uint64_t other_bytes = 0;
};
Comparison compare(const std::vector<std::byte>& received, const ChangingFile& file);

}  // namespace leat::testing
