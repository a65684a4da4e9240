/// How often hardware other than a processor carries each byte (DMA), by how the calls work.
#pragma once

#include <optional>
#include <string_view>

#include "bench/run.h"

namespace leat::app::bench {

/// What decides it.
struct HardwarePath {
  Pair pair;
  bool cold = false;     ///< the file was not in the page cache
  bool on_disk = false;  ///< the files lie on a block device; else nobody knows what carries them
  std::string_view mechanism;
};

/// DMA copies of each payload byte during the transfer, or nothing where they cannot be known:
///   - loopback, veth, UNIX sockets and pipes end in memory of this host: 0;
///   - a file in the page cache was carried before: 0; a cold one is carried from the disk: 1;
///   - direct_io passes by the page cache: 1 for each end that is a file;
///   - a new file ends in the page cache: 0, its write-back comes after the transfer;
///   - reflink carries nothing; whether copy_file_range did the same is known to the kernel alone.
std::optional<double> hardware_copies(const HardwarePath& path) noexcept;

}  // namespace leat::app::bench
