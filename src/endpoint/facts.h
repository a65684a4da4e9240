// What is known of a source and a sink before bytes move. Facts only: no policy.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <leat/endpoint.h>
#include <leat/transfer.h>

namespace leat {

/// How a call on a descriptor can be kept from waiting.
enum class Waiting : std::uint8_t {
  never,    ///< it does not wait: memory, files, whatever is O_NONBLOCK
  flagged,  ///< a blocking socket: only MSG_DONTWAIT keeps a call from waiting
  polled,   ///< a blocking pipe or terminal: ask poll(2) before each call
  allowed,  ///< it may wait: the caller asked for that
};

/// What may be done with memory beyond the call that is given it.
enum class MemoryTenure : std::uint8_t {
  borrowed,      ///< ends with the transfer
  shared,        ///< a Slice: whoever needs it keeps it
  never_reused,  ///< a Slice of pages that are given back to the kernel, never written again
};

/// How much of the beginning of a file is in the page cache.
enum class Cached : std::uint8_t {
  unknown,  ///< nobody looked, or only its owner may see that
  little,   ///< less than half
  mostly,
};

/// What can be known of which pages of a file are in memory.
enum class Residency : std::uint8_t {
  unasked,   ///< nobody minds a wait for the disk
  always,    ///< there is no disk: files in memory, /proc
  shown,     ///< the kernel shows it to this process
  hidden,    ///< only its owner, and who may write it, are told
  uncached,  ///< the descriptor reads past the page cache (O_DIRECT)
};

/// What keeps the bytes of a source file from changing while they are moved.
enum class Hold : std::uint8_t {
  none,       ///< nothing: the file is live
  immutable,  ///< nobody can change it
  clone,      ///< it is a nameless clone of what was asked for, which nobody else has open
  lease,      ///< a read lease: who wants to write waits, for a while
};

/// The file system of a file that was looked at, and what its extents can be shared with.
struct Volume {
  std::uint64_t device = 0;
  std::uint64_t block_bytes = 0;  ///< 0: nobody looked
  std::uint32_t type = 0;
  bool shares_extents = false;       ///< perhaps; only the call itself tells for sure
  bool copies_by_pages = false;      ///< its copy_file_range(2) is the kernel's own
  bool has_several_devices = false;  ///< its files may differ in `device`

  /// False if the files are surely on different file systems.
  bool may_be(const Volume& other) const {
    return type == other.type && (device == other.device || has_several_devices);
  }
};

struct SourceFacts {
  Kind kind = Kind::memory;
  MemoryTenure tenure = MemoryTenure::borrowed;  ///< of memory: of all its pieces
  bool scattered = false;                        ///< memory in several pieces, to be sent as one
  bool regular = false;                          ///< a regular file
  bool cursor = false;                           ///< read at the descriptor's own offset
  bool owned = false;
  bool true_size = false;  ///< a file whose size can be believed
  bool sparse = false;     ///< has fewer blocks than its size needs
  Cached cached = Cached::unknown;
  Waiting waiting = Waiting::never;
  std::uint64_t promised = to_end;  ///< bytes it must yield; to_end if that is unknown
  std::uint64_t offset = 0;         ///< where in a file it goes on, unless that is at the cursor
  std::uint64_t left = to_end;      ///< of `promised`, from there on
  std::uint64_t size = 0;           ///< of a file that was looked at
  Volume volume{};
  Residency residency = Residency::unasked;
  Hold hold = Hold::none;     ///< looked at only where it matters (endpoint/hold.h)
  std::string_view unheld{};  ///< why it is `none` then

  /// True if bytes that were taken can be read again.
  bool repeatable() const { return kind == Kind::memory || (kind == Kind::file && !cursor); }
  /// True if they are the same then, unless somebody changes them: /proc makes new ones.
  bool can_be_read_again() const { return repeatable() && (kind == Kind::memory || true_size); }
};

struct SinkFacts {
  Kind kind = Kind::memory;
  bool regular = false;
  bool cursor = false;  ///< written at the descriptor's own offset
  bool owned = false;
  bool append = false;
  bool tcp = false;
  bool nodelay = false;        ///< TCP_NODELAY is on
  bool is_connection = false;  ///< corking is allowed
  bool lendable = false;       ///< a Connection on which MSG_ZEROCOPY's numbers are leat's own
  bool keeps_holes = false;    ///< what is skipped reads as zeros: nothing is there yet
  Waiting waiting = Waiting::never;
  std::uint64_t offset = 0;  ///< where in a file it goes on, unless that is at the cursor
  std::uint64_t size = 0;    ///< of a file, as it was at the start
  Volume volume{};
};

/// Stretches of a file that are shorter go by the same way whether they are in memory or not.
inline constexpr std::uint64_t worth_asking_if_cached = 1 << 20;
/// How much of the beginning of such a stretch is in memory; `unknown` of shorter ones. One call.
Cached look_at_cache(FdRef file, std::uint64_t offset, std::uint64_t length);

/// Facts for one simple source (not of parts). With `trust_length` the only question about a file
/// whose length was given is look_at_cache's: steady state makes no calls for short ones.
/// And with `cached`, its answer, not even that. What cannot be asked (a seccomp filter) is assumed
/// with care. With Disk::never_wait a file is always looked at, as far as the kernel knows it
/// without asking others. Errors: EBADF.
Result<SourceFacts> facts_of(const Source& source, bool trust_length, Disk disk = Disk::may_wait,
                             std::optional<Cached> cached = {});
/// The memory parts from parts[first] on that go together, 1024 at most: `facts`, of the first,
/// become those of all of them. Returns the index after the last.
std::size_t join_run(SourceFacts& facts, std::span<const Source> parts, std::size_t first);
/// Errors: EBADF.
Result<SinkFacts> facts_of(const Sink& sink);

/// A copy of a borrowed blocking pipe or terminal with an open file description of its own, so that
/// it can be non-blocking; nothing if that is not needed or not permitted.
std::optional<OwnedFd> own_description(Kind kind, Waiting waiting, FdRef fd, bool for_reading);

}  // namespace leat
