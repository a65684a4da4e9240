// Reads and opening of files, which may wait for a disk, by others than the calling thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <leat/error.h>
#include <leat/fd.h>
#include <leat/keeper.h>

#include "os/disk_threads.h"
#include "os/ring.h"
#include "os/ring_records.h"

namespace leat::os {

/// By the workers of a context's ring or, where there is no ring, by helper threads. One thread
/// uses it; as with the ring, the eventfd is made readable by each completion, and `reap` alone
/// takes them.
class FileReads {
 public:
  /// What is worth one operation: the kernel's own read-ahead reads as much by default, and on file
  /// systems that know no better it is the most that one request to read ahead has read.
  static constexpr std::uint64_t piece_bytes = 128 << 10;

  FileReads(Ring& ring, FdRef eventfd, unsigned threads) noexcept
      : ring_(ring), threads_(eventfd, threads) {}
  ~FileReads();
  FileReads(const FileReads&) = delete;
  FileReads& operator=(const FileReads&) = delete;

  /// A record. Errors: as Ring::begin, if there are no helper threads.
  Result<RingOperation*> begin();
  /// As Ring::end.
  void end(RingOperation& operation) noexcept;

  /// Handed over with the next `submit`. Has a stretch read into the page cache, and tells nobody.
  void will_need(FdRef file, std::uint64_t offset, std::uint64_t length);
  /// The same. Reads a stretch, a piece at most, and throws it away: once it is done its pages are
  /// in memory.
  void fetch(RingOperation& operation, FdRef file, std::uint64_t offset, std::uint64_t length);
  /// The same. `into` has to live until the operation is finished.
  void read(RingOperation& operation, FdRef file, std::span<std::byte> into, std::uint64_t offset);
  /// The same. Opens `path` with `flags` of open(2); the result is a descriptor, which is closed if
  /// nobody holds the record by then.
  void open(RingOperation& operation, const Kept<const std::string>& path, int flags);
  /// What cannot be handed over is finished then, with the error as its result.
  Result<void> submit() { return ring_.submit(); }
  /// Takes the completions of helper threads; the ring's own are the ring's to reap.
  void reap() noexcept;

  std::uint64_t in_flight() const noexcept { return records_.in_flight(); }
  /// How many reads have finished, and whatever else went through the ring.
  std::uint64_t finished() const noexcept { return ring_.finished() + records_.finished(); }

 private:
  void give(RingOperation* operation, FdRef file, std::span<std::byte> into, std::uint64_t offset,
            std::uint64_t length);
  void give(RingOperation* operation, Result<DiskThreads::Job> job);

  Ring& ring_;
  bool by_threads_ = false;               // from the first time the ring was denied
  Kept<std::vector<std::byte>> scratch_;  // what nobody looks at; shared by all
  RingRecords records_;                   // of what helper threads do
  DiskThreads threads_;
};

}  // namespace leat::os
