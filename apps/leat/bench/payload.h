/// The file that is measured with.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include <leat/fd.h>

#include "bench/run.h"
#include "os/payload_file.h"

namespace leat::app::bench {

/// A file, and what keeps it in memory: nothing if its runs are cold.
struct PayloadFile {
  OwnedFd file;
  std::optional<os::PageLock> lock;
};

/// How many times the payload must fit.
struct Room {
  unsigned disk = 1;
  unsigned memory = 1;  ///< the page cache included
};
/// What runs of this pair need, the payload itself included.
Room room_for(const Pair& pair) noexcept;

/// Makes a nameless file of `size` random-looking bytes in `folder` and puts it on the disk; if it
/// is to be warm also into the page cache, and locks it there where that is permitted. Before that
/// it looks whether there is `room`. The error is one line that says what to do.
std::expected<PayloadFile, std::string> make_payload(const std::string& folder, std::uint64_t size,
                                                     Room room, Cache cache = Cache::warm);

/// An error unless it is in the page cache, but for a page in a thousand.
std::expected<void, std::string> check_warm(const Payload& payload);

/// Drops the pages of this file alone from the page cache. An error if they are still there
/// afterwards, but for a page in a thousand.
std::expected<void, std::string> make_cold(const Payload& payload);

/// measure(), again and again until a run was as warm or as cold as the pair says; a bounded number
/// of times. A run counts as warm if it read nothing from the disk: what reclaims memory at its own
/// discretion (DAMON, a balloon) else slips cold runs in between the warm ones. A mechanism that
/// passes by the page cache reads from the disk every time. Before a cold run the file is dropped;
/// it counts if all of the file was read from the disk, or was not read at all (reflink).
std::expected<Sample, Failure> measure_checked(const Payload& payload, const Pair& pair,
                                               const Way& way, const WhenReady& when_ready = {});

}  // namespace leat::app::bench
