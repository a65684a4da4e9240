// Cold files, and the ends that a transfer of one needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <leat/transfer.h>

#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/streams.h"

namespace leat::testing {

inline Options patient(std::string_view mechanism = {}) {
  Options options{.disk = Disk::never_wait};
  if (!mechanism.empty()) options.mechanism = *Mechanism::named(mechanism);
  return options;
}

/// Of which somebody waits for disks: its ring or, where there is none, helper threads.
Context patient_context();

/// Puts what of `file` is in memory out of it, where no mapping or writing holds it there.
void evict(FdRef file);
/// A nameless file on the disk's file system: the pattern of `seed`, none of it in memory.
OwnedFd cold_file(std::uint64_t seed, std::uint64_t size);
/// Bytes of `file` that are in memory.
std::uint64_t bytes_in_memory(FdRef file, std::uint64_t size);

/// A stream socket whose other end is read by a thread of its own, and checked.
class CheckedSocket {
 public:
  explicit CheckedSocket(std::uint64_t seed);
  FdRef fd() const { return near_; }
  /// Closes it; what is wrong if the pattern [0, count) is what arrived and nothing else.
  std::string examine(std::uint64_t count);

 private:
  std::optional<Drainer> drainer_;
  OwnedFd near_;  // goes first: what is drained ends with it
};

}  // namespace leat::testing
