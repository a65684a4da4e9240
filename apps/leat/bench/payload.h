/// The file that is measured with.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include <leat/fd.h>

#include "bench/run.h"
#include "os/payload_file.h"

namespace leat::app::bench {

/// A file, and what keeps it in memory.
struct PayloadFile {
  OwnedFd file;
  os::PageLock lock;
};

/// How many times the payload must fit.
struct Room {
  unsigned disk = 1;
  unsigned memory = 1;  ///< the page cache included
};
/// What runs of this pair need, the payload itself included.
Room room_for(const Pair& pair) noexcept;

/// Makes a nameless file of `size` random-looking bytes in `folder`, puts it on the disk and into
/// the page cache, and locks it there where that is permitted. Before that it looks whether there
/// is `room`. The error is one line that says what to do.
std::expected<PayloadFile, std::string> make_payload(const std::string& folder, std::uint64_t size,
                                                     Room room);

/// An error unless it is in the page cache, but for a page in a thousand.
std::expected<void, std::string> check_warm(const Payload& payload);

/// measure(), again and again until a run read nothing from the disk. What reclaims memory at its
/// own discretion (DAMON, a balloon) else slips cold runs in between the warm ones.
/// A mechanism that passes by the page cache reads from the disk every time.
std::expected<Sample, Failure> measure_warm(const Payload& payload, const Pair& pair,
                                            const Way& way);

}  // namespace leat::app::bench
