/// Claims 8, 10 and 11: memory saved, a slice instead of a copy, a mapping instead of a buffer.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "bench/claims.h"
#include "bench/rounds.h"
#include "memory/memory_use.h"
#include "memory/side_by_side.h"

namespace leat::app::bench {

/// A warm file of which a program wants all bytes at once: what it then takes besides the file's
/// own pages in the page cache.
struct WholeFile {
  std::uint64_t size = 0;
  std::uint64_t read_bytes = 0;    ///< anonymous memory, with the file read into a buffer
  std::uint64_t mapped_bytes = 0;  ///< the same, with the file mapped and every page touched
};

/// The error is one line.
std::expected<WholeFile, std::string> measure_whole_file(const Payload& payload);

/// What claim 8 is answered from.
struct SavingsSeen {
  const Series& file_to_tcp;
  const Series& tcp_to_tcp;
  const WholeFile& whole_file;
  const memory::Group& large_file;  ///< memory::measure_large_file's, from its start
  const memory::Group& slices;
  const memory::UseGroup& sharing;
};

/// Claim 8: memory saved and speed won, each by four techniques.
Claim answer_savings(const SavingsSeen& seen);

/// Claim 10: time, bytes and allocations of a slice and of a copy of 64 KiB.
Claim answer_slices(const memory::Group& slices);

/// Claim 11: 4 MiB of a file mapped, as a part of reading it, for both ways that it may lie in the
/// page cache.
Claim answer_mapping(const memory::Group& written, const memory::Group& read_ahead);

}  // namespace leat::app::bench
