#include <algorithm>

#include "mechanism/errnos.h"
#include "mechanism/mechanism.h"
#include "mechanism/probe.h"
#include "os/clone_range.h"
#include "os/descriptor.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;

constexpr std::string_view no_whole_block =
    "what is left is no whole block of the file system, and does not end both files";

// As much of `count` bytes as one call takes: whole blocks, and after them a last one that the
// source's end cuts off, if nothing of the sink lies behind it.
std::uint64_t shareable(const SourceFacts& source, const SinkFacts& sink, std::uint64_t from,
                        std::uint64_t to, std::uint64_t count) {
  if (from < source.size) count = std::min(count, source.size - from);
  const bool ends_both = from + count >= source.size && to + count >= sink.size;
  return ends_both ? count : count - count % source.volume.block_bytes;
}

class ReflinkPump final : public Pump {
 public:
  Moved step(const Passage& passage, const Allowance& allowance) override;
  Residue surrender(Resources&) override { return {}; }

 private:
  static Moved once_more(const Passage& passage, std::uint64_t count, Moved moved,
                         const Error& error);
};

Moved ended(Moved moved, const Error& error) {
  // EBADF is its word for O_APPEND, ENOTTY that of kernels without it; CIFS answers EIO for what a
  // slower way can do. If the disk really fails, that way will say so.
  return ending_for(moved, error, {EBADF, ENOTTY, EISDIR, EAGAIN, EIO, ENOENT});
}

// EINVAL has many causes. One of them is that the source is no longer as long as it was, or longer,
// which makes its last block one like any other.
Moved ReflinkPump::once_more(const Passage& passage, std::uint64_t count, Moved moved,
                             const Error& error) {
  const auto stat = os::stat(passage.from);
  if (!stat) return ended(moved, error);
  if (stat->size <= passage.from_offset) {
    moved.outcome = Outcome::source_ended;
    return moved;
  }
  SourceFacts now = passage.source;
  now.size = stat->size;
  const std::uint64_t fewer =
      shareable(now, passage.sink, passage.from_offset, passage.to_offset, count);
  if (fewer == count || fewer == 0) return ended(moved, error);
  ++moved.calls;
  const auto cloned =
      os::clone_range(passage.from, passage.from_offset, fewer, passage.to, passage.to_offset);
  if (!cloned) return ended(moved, cloned.error());
  moved.taken = moved.delivered = fewer;
  return moved;
}

Moved ReflinkPump::step(const Passage& passage, const Allowance& allowance) {
  Moved moved;
  const std::uint64_t count =
      shareable(passage.source, passage.sink, passage.from_offset, passage.to_offset,
                std::min(allowance.take, allowance.deliver));
  if (count == 0) {
    const bool hopeless = shareable(passage.source, passage.sink, passage.from_offset,
                                    passage.to_offset, allowance.remaining) == 0;
    moved.outcome = hopeless ? Outcome::refused : Outcome::too_little;
    moved.operation = hopeless ? no_whole_block : "a step may move less than a block";
    return moved;
  }
  moved.calls = 1;
  const auto cloned =
      os::clone_range(passage.from, passage.from_offset, count, passage.to, passage.to_offset);
  if (cloned) [[likely]] {
    moved.taken = moved.delivered = count;
    return moved;
  }
  if (cloned.error().is(EINVAL)) return once_more(passage, count, moved, cloned.error());
  return ended(moved, cloned.error());
}

Fit fits_blocks(const SourceFacts& source, const SinkFacts& sink) {
  if (source.offset % source.volume.block_bytes != 0 ||
      sink.offset % source.volume.block_bytes != 0)
    return {false, "an offset is no multiple of the file system's block size"};
  const std::uint64_t count = shareable(source, sink, source.offset, sink.offset, source.left);
  if (count == 0 && source.left > 0) return {false, no_whole_block};
  constexpr std::string_view reason = "shares the file's extents with the sink: no byte moves";
  const bool to_the_end = source.offset + count >= source.size;
  if (count == source.left || to_the_end) return {true, reason};
  return {true, reason,
          "the last bytes are no whole block of the file system, and do not end both files"};
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  if (source.kind != Kind::file || sink.kind != Kind::file)
    return {false, "it works only from file to file"};
  if (!source.regular || !sink.regular) return {false, "both ends must be regular files"};
  if (!source.true_size)
    return {false, "the source's file system does not tell its size, so its end is not known"};
  if (source.cursor || sink.cursor)
    return {false, "an end is at its descriptor's own offset, which FICLONERANGE does not move"};
  if (sink.append) return {false, "FICLONERANGE refuses a file opened with O_APPEND"};
  if (!source.volume.shares_extents || source.volume.block_bytes == 0)
    return {false, "the source's file system cannot share extents"};
  if (!source.volume.may_be(sink.volume)) return {false, "the ends are on different file systems"};
  return fits_blocks(source, sink);
}

Cost cost(const SourceFacts&, const SinkFacts&) { return {.cpu_copies = 0}; }

std::string_view unavailable() { return verdict_of(os::clone_range(FdRef(), 0, 1, FdRef(), 0)); }

void start(PumpSlot& slot, const Tuning&) { slot.emplace<ReflinkPump>(); }

}  // namespace

namespace mechanisms {

extern const MechanismEntry reflink;
const MechanismEntry reflink = {
    .name = "reflink",
    .summary = "file to file by sharing extents, ioctl FICLONERANGE",
    .unavailable = unavailable,
    .fits = fits,
    .cost = cost,
    .start = start,
    .carries_more = false,
    .shares_extents = true,
    .file_system_moves = true,
};

}  // namespace mechanisms
}  // namespace leat
