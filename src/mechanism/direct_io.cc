#include <linux/magic.h>

#include <algorithm>
#include <optional>

#include "mechanism/direct_work.h"
#include "mechanism/errnos.h"
#include "mechanism/mechanism.h"
#include "os/direct.h"
#include "os/file.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;

// By measurement (docs/mechanisms/direct_io.md): enough reads and writes in flight for a disk.
constexpr std::size_t default_slot_bytes = 1 << 20;
constexpr std::size_t most_memory_bytes = 8 << 20;
constexpr std::size_t most_slots = 8;
constexpr std::size_t fewest_slots = 2;
// The page cache and a file system's blocks: what is written directly shares neither with anything
// that is not.
constexpr std::uint32_t page_bytes = 4096;
constexpr std::uint32_t largest_unit = 64 << 10;

constexpr std::string_view no_disk = "no end lies on a file system that has direct I/O (O_DIRECT)";

class DirectIoPump final : public Pump {
 public:
  explicit DirectIoPump(std::size_t slot_bytes) : slot_bytes_(slot_bytes) {}

  Moved step(const Passage& passage, const Allowance& allowance) override {
    if (!work_) {
      if (const auto refusal = begin(passage)) return *refusal;
    }
    return work_->step(passage, allowance);
  }
  Residue surrender(Resources& resources) override {
    return work_ ? work_->surrender(resources) : Residue{};
  }
  bool runnable() const override { return work_ && work_->runnable(); }
  Moved wind_down(Resources& resources) override {
    return work_ ? work_->wind_down(resources) : Moved{};
  }

 private:
  std::optional<Moved> begin(const Passage& passage);

  std::size_t slot_bytes_;
  std::unique_ptr<DirectWork> work_;
};

Moved refusal(std::string_view reason) {
  return {.outcome = Outcome::refused, .operation = reason};
}

// A file at one end, and why it cannot be opened for direct I/O, if that is an error.
struct Looked {
  DirectEnd end;
  os::DirectFacts facts;
  std::optional<Error> error;
};

Result<Looked> look_at(FdRef file, std::uint64_t offset, bool at_cursor, os::Access access) {
  Looked looked;
  looked.end.base = offset;
  looked.end.is_file = true;
  looked.end.at_cursor = at_cursor;
  if (at_cursor) {
    const auto cursor = os::cursor(file);
    if (!cursor) return std::unexpected(cursor.error());
    looked.end.base = *cursor;
  }
  const auto facts = os::direct_facts(file);
  if (!facts) {
    looked.error = facts.error();
    return looked;
  }
  looked.facts = *facts;
  if (facts->unit == 0 || facts->unit > largest_unit) return looked;
  auto direct = os::reopen_direct(file, access);
  if (direct) {
    looked.end.direct = std::move(*direct);
  } else {
    looked.error = direct.error();
  }
  return looked;
}

// What the ring knows, if enough of it is free to read and write at once.
DirectMemory memory_for(std::size_t slot_bytes, std::size_t slots, Resources& resources) {
  DirectMemory memory;
  if (resources.registered)
    memory.leases = resources.registered->lease(slot_bytes, fewest_slots, slots);
  if (memory.leases.empty()) memory.block = resources.blocks.lease(slots * slot_bytes);
  return memory;
}

// Returns why it cannot be done, if it cannot.
std::optional<Moved> DirectIoPump::begin(const Passage& passage) {
  Looked source;
  Looked sink;
  if (passage.source.kind == Kind::file) {
    auto looked =
        look_at(passage.from, passage.from_offset, passage.source.cursor, os::Access::read);
    if (!looked) return ending_for({.calls = 1, .side = Moved::Side::source}, looked.error());
    source = std::move(*looked);
  }
  if (passage.sink.kind == Kind::file) {
    auto looked = look_at(passage.to, passage.to_offset, passage.sink.cursor, os::Access::write);
    if (!looked) return ending_for({.calls = 1, .side = Moved::Side::sink}, looked.error());
    sink = std::move(*looked);
  }
  if (source.facts.inode != 0 && source.facts.inode == sink.facts.inode &&
      source.facts.device == sink.facts.device)
    return refusal("the source and the sink are one file, which would be read ahead of its writes");
  const std::size_t unit = std::max({page_bytes, source.facts.unit, sink.facts.unit});
  // Blocks that are aligned in the source are not in the sink then: reading ahead of the disk is
  // worth more than writing, which the page cache does later anyway.
  if (source.end.direct.valid() && (source.end.base - sink.end.base) % unit != 0)
    sink.end.direct.reset();
  if (!source.end.direct.valid() && !sink.end.direct.valid()) {
    for (const Looked* looked : {&source, &sink}) {
      if (looked->error) return ending_for({.calls = 1}, *looked->error, {EISDIR, ENOENT, EBADF});
    }
    return refusal(no_disk);
  }
  const std::size_t slot_bytes = (slot_bytes_ + unit - 1) / unit * unit;
  const std::size_t slots =
      std::clamp<std::size_t>(most_memory_bytes / slot_bytes, fewest_slots, most_slots);
  work_ = std::make_unique<DirectWork>(
      std::move(source.end), std::move(sink.end), unit,
      DirectQueue(memory_for(slot_bytes, slots, passage.resources), slot_bytes, slots));
  return std::nullopt;
}

// A file system that is known to have no disk beneath it. Only the file itself tells for sure.
bool lies_in_memory(bool regular, const Volume& volume) {
  return regular && (volume.type == TMPFS_MAGIC || volume.type == RAMFS_MAGIC ||
                     volume.type == HUGETLBFS_MAGIC);
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  const bool from_file = source.kind == Kind::file;
  const bool to_file = sink.kind == Kind::file;
  const bool stream = source.kind == Kind::socket || sink.kind == Kind::socket;
  if (!(from_file && to_file) && !((from_file || to_file) && stream))
    return {false, "it works from file to file, and between a file and a socket"};
  if (from_file && (!source.true_size || source.promised == to_end))
    return {false, "the source's file system does not tell its size"};
  if (to_file && sink.append)
    return {false, "a file opened with O_APPEND takes no bytes at an offset"};
  const bool no_source = !from_file || lies_in_memory(source.regular, source.volume);
  const bool no_sink = !to_file || lies_in_memory(sink.regular, sink.volume);
  if (no_source && no_sink) return {false, no_disk};
  return {true, "reads and writes the disk past the page cache, several blocks at once"};
}

// File systems may buffer in silence, and a socket or an unaligned sink is copied to.
Cost cost(const SourceFacts&, const SinkFacts&) { return {}; }

std::string_view unavailable() { return {}; }

void start(PumpSlot& slot, const Tuning& tuning) {
  const std::size_t wanted = tuning.block_bytes ? tuning.block_bytes : default_slot_bytes;
  slot.emplace<DirectIoPump>(std::clamp<std::size_t>(wanted, page_bytes, most_memory_bytes / 2));
}

}  // namespace

namespace mechanisms {

extern const MechanismEntry direct_io;
const MechanismEntry direct_io = {
    .name = "direct_io",
    .summary = "files on a disk past the page cache (O_DIRECT), several blocks in flight",
    .unavailable = unavailable,
    .fits = fits,
    .cost = cost,
    .start = start,
    .carries_more = true,
    .passes_by_the_cache = true,
};

}  // namespace mechanisms
}  // namespace leat
