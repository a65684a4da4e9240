/// The file that is measured with.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include <leat/fd.h>

#include "bench/run.h"

namespace leat::app::bench {

/// Makes a nameless file of `size` random-looking bytes in `folder`, puts it on the disk and into
/// the page cache. Before that it looks whether disk and memory have room for it, twice if it is
/// copied to a file (`copied`). The error is one line that says what to do.
std::expected<OwnedFd, std::string> make_payload(const std::string& folder, std::uint64_t size,
                                                 bool copied);

/// An error unless it is in the page cache, but for a page in a thousand: else the runs did not
/// measure what they claim.
std::expected<void, std::string> check_warm(const Payload& payload);

}  // namespace leat::app::bench
