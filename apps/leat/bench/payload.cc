#include "bench/payload.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "os/host.h"
#include "os/loopback.h"
#include "os/payload_file.h"
#include "sizes.h"

namespace leat::app::bench {
namespace {

/// Kept free beside the payload: less, and the page cache would give back what is measured.
constexpr std::uint64_t spare_bytes = 64ull << 20;

/// One page in a thousand may be missing: to read it anew is far below what can be measured.
constexpr std::uint64_t tolerated_part = 1000;
constexpr int most_attempts = 5;
constexpr int most_drops = 9;  ///< with pauses of half a second in all

std::expected<void, std::string> check_room(const std::string& folder, std::uint64_t size,
                                            Room room) {
  // Divided, not multiplied: a size near 2^64 must not wrap to a small need.
  const auto fits = [&](std::uint64_t have, unsigned times) {
    return times == 0 || (have > spare_bytes && size <= (have - spare_bytes) / times);
  };
  const auto disk = os::free_bytes(folder);
  if (!disk) return std::unexpected(disk.error().message());
  if (!fits(*disk, room.disk)) {
    return std::unexpected(
        fmt::format("{} has room for {} only; give a smaller --size or another --dir", folder,
                    format_size(*disk)));
  }
  if (const std::uint64_t memory = os::available_memory(); !fits(memory, room.memory)) {
    return std::unexpected(fmt::format(
        "only {} of memory is available, too little for what is kept in it; give a smaller --size",
        format_size(memory)));
  }
  return {};
}

Result<void> write_payload(FdRef file, std::uint64_t size) {
  std::vector<std::uint64_t> words((1u << 20) / sizeof(std::uint64_t));
  std::mt19937_64 random(size);
  std::generate(words.begin(), words.end(), std::ref(random));
  std::uint64_t left = size;
  while (left > 0) {
    // No two blocks are the same, so that no file system shares or compresses them.
    words.front() = left;
    const auto block = std::as_bytes(std::span(words));
    const auto count = std::min<std::uint64_t>(left, block.size());
    if (const auto written = os::append(file, block.first(count)); !written) return written;
    left -= count;
  }
  return os::flush(file);
}

/// Such a mechanism reads from the disk, however warm the file is.
bool passes_by_the_cache(Mechanism mechanism) { return mechanism.name() == "direct_io"; }

/// Reads it until it stays.
std::expected<void, std::string> warm_up(const Payload& payload) {
  std::expected<void, std::string> warm;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (const auto read = os::read_once(payload.file, payload.size); !read) {
      return std::unexpected(read.error().message());
    }
    warm = check_warm(payload);
    if (warm) break;
  }
  return warm;
}

std::expected<Sample, Failure> measure_warm(const Payload& payload, const Pair& pair,
                                            const Way& way, const WhenReady& when_ready) {
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    const auto sample = measure(payload, pair, way, when_ready);
    if (!sample || sample->disk_read_bytes <= payload.size / tolerated_part) return sample;
    if (passes_by_the_cache(sample->picked)) return sample;
    if (const auto warm = warm_up(payload); !warm) {
      return std::unexpected(Failure{warm.error(), false});
    }
  }
  return std::unexpected(Failure{"the file leaves the page cache during the runs", false});
}

/// What is not in the cache and was not read from the disk was not read at all: its extents are
/// shared, say.
bool was_cold(const Payload& payload, const Sample& sample) {
  const std::uint64_t tolerated = payload.size / tolerated_part;
  if (sample.disk_read_bytes + tolerated >= payload.size) return true;
  return os::resident_bytes(payload.file, payload.size).value_or(payload.size) <= tolerated;
}

std::expected<Sample, Failure> measure_cold(const Payload& payload, const Pair& pair,
                                            const Way& way, const WhenReady& when_ready) {
  std::string reason;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (const auto dropped = make_cold(payload); !dropped) {
      return std::unexpected(Failure{dropped.error(), false});
    }
    const auto sample = measure(payload, pair, way, when_ready);
    if (!sample || was_cold(payload, *sample)) return sample;
    reason = fmt::format(
        "only {} of a cold file of {} came from the disk: others read it too, or "
        "its file system does not say what it reads; give another --dir",
        format_size(sample->disk_read_bytes), format_size(payload.size));
  }
  return std::unexpected(Failure{reason, false});
}

}  // namespace

Room room_for(const Pair& pair) noexcept {
  const unsigned more = pair.sink == SinkKind::file ? 1 : 0;
  // Nothing is kept in memory of a cold file, nor of what is written beside it.
  if (pair.cache == Cache::cold) return {.disk = 1 + more, .memory = 0};
  return {.disk = 1 + more, .memory = 1 + more + (pair.source == SourceKind::memory ? 1u : 0u)};
}

std::expected<PayloadFile, std::string> make_payload(const std::string& folder, std::uint64_t size,
                                                     Room room, Cache cache) {
  if (const auto checked = check_room(folder, size, room); !checked) {
    return std::unexpected(checked.error());
  }
  Result<OwnedFd> file = os::nameless_file(folder);
  if (!file) return std::unexpected(file.error().message());
  if (const auto written = write_payload(*file, size); !written) {
    return std::unexpected(written.error().message());
  }
  if (cache == Cache::cold) return PayloadFile{std::move(*file), {}};
  os::PageLock lock(*file, size);
  if (const auto warm = warm_up({file->ref(), size, folder}); !warm) {
    return std::unexpected(warm.error());
  }
  return PayloadFile{std::move(*file), std::move(lock)};
}

std::expected<Sample, Failure> measure_checked(const Payload& payload, const Pair& pair,
                                               const Way& way, const WhenReady& when_ready) {
  return pair.cache == Cache::cold ? measure_cold(payload, pair, way, when_ready)
                                   : measure_warm(payload, pair, way, when_ready);
}

std::expected<void, std::string> make_cold(const Payload& payload) {
  const os::Ipv4 address = payload.veth ? os::VethPair::far_address : INADDR_LOOPBACK;
  std::chrono::milliseconds pause{1};
  std::uint64_t resident = 0;
  for (int attempt = 0; attempt < most_drops; ++attempt, pause *= 2) {
    if (attempt > 0) {
      // What went out last may lie in packets that are received and not yet freed; or write-back
      // holds a page. A failure shows by the pages that stay.
      static_cast<void>(os::free_received_packets(address));
      std::this_thread::sleep_for(pause);
    }
    if (const auto dropped = os::drop_cached(payload.file); !dropped) {
      return std::unexpected(dropped.error().message());
    }
    const auto left = os::resident_bytes(payload.file, payload.size);
    if (!left) return std::unexpected(left.error().message());
    resident = *left;
    if (resident <= payload.size / tolerated_part) return {};
  }
  return std::unexpected(
      fmt::format("the file does not leave the page cache: {} of {} are still there; give a --dir "
                  "on a disk, not in memory",
                  format_size(resident), format_size(payload.size)));
}

std::expected<void, std::string> check_warm(const Payload& payload) {
  const auto resident = os::resident_bytes(payload.file, payload.size);
  if (!resident) return std::unexpected(resident.error().message());
  const std::uint64_t missing = payload.size - *resident;
  if (missing <= payload.size / tolerated_part) return {};
  return std::unexpected(
      fmt::format("the file does not stay in the page cache: {} of {} are missing; give a smaller "
                  "--size or free some memory",
                  format_size(missing), format_size(payload.size)));
}

}  // namespace leat::app::bench
