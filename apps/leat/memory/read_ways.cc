#include "memory/read_ways.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <leat/buffer.h>
#include <leat/mapping.h>
#include <leat/pool.h>

#include "memory/file_reads.h"
#include "memory/sum_every.h"
#include "os/block_reads.h"

namespace leat::app::memory {
namespace {

using Seen = Expected<std::uint64_t>;

/// An operation's bytes in one piece, for those that map.
struct Stretch {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

Stretch next_stretch(const Look& look, Offsets& offsets, std::vector<std::uint64_t>& blocks) {
  if (!look.at_random) return {0, look.size};
  blocks.clear();
  offsets.add_next(blocks);
  return {blocks.front(), look.block_bytes};
}

std::size_t length_at(const Look& look, std::uint64_t offset) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(look.block_bytes, look.size - offset));
}

/// What a way keeps from sample to sample.
template <class Tool>
struct Kept {
  Look look;
  Offsets offsets;
  Tool tool;
  std::vector<std::uint64_t> blocks{};
};

template <class Tool>
std::shared_ptr<Kept<Tool>> keep_with(const Look& look, Tool tool) {
  return std::make_shared<Kept<Tool>>(Kept<Tool>{look, Offsets(look), std::move(tool)});
}

/// Maps the operation's stretch, sums, and lets go.
Seen map_once(Kept<MappingOptions>& kept) {
  const Stretch stretch = next_stretch(kept.look, kept.offsets, kept.blocks);
  const auto mapping = Mapping::of(kept.look.file, {stretch.offset, stretch.length}, kept.tool);
  if (!mapping) return std::unexpected(mapping.error().message());
  return kept.look.sum(mapping->bytes());
}

/// One operation, block by block into `into`.
template <class Tool>
Seen read_once(Kept<Tool>& kept, FdRef file, std::span<std::byte> into) {
  kept.blocks.clear();
  kept.offsets.add_next(kept.blocks);
  std::uint64_t sum = 0;
  for (const std::uint64_t offset : kept.blocks) {
    const auto block = into.first(length_at(kept.look, offset));
    if (const auto read = os::read_exactly(file, offset, block); !read) {
      return std::unexpected(read.error().message());
    }
    sum += kept.look.sum(block);
  }
  return sum;
}

/// Repeats `once`; what the last one returns was seen.
template <class Once>
auto repeated(Once once) {
  return [once = std::move(once)](std::uint64_t times) -> Seen {
    Seen seen = 0;
    for (std::uint64_t i = 0; i < times && seen; ++i) seen = once();
    return seen;
  };
}

/// So many operations at once that eight blocks are always in flight.
Seen ring_times(Kept<os::RingReads>& kept, std::uint64_t times) {
  constexpr std::size_t most_blocks = 256;
  std::uint64_t sum = 0;
  while (times > 0) {
    kept.blocks.clear();
    while (times > 0 && kept.blocks.size() < most_blocks) {
      kept.offsets.add_next(kept.blocks);
      --times;
    }
    const auto read =
        kept.tool.read(kept.blocks, kept.look.size,
                       [&](std::span<const std::byte> block) { sum += kept.look.sum(block); });
    if (!read) return std::unexpected(read.error().message());
  }
  return sum;
}

}  // namespace

std::uint64_t sum_of_lines(std::span<const std::byte> bytes) { return sum_every<64>(bytes); }
std::uint64_t sum_of_words(std::span<const std::byte> bytes) { return sum_every<8>(bytes); }

void Offsets::add_next(std::vector<std::uint64_t>& blocks) {
  if (look_.at_random) {
    blocks.push_back(random_() % (look_.size / look_.block_bytes) * look_.block_bytes);
    return;
  }
  for (std::uint64_t offset = 0; offset < look_.size; offset += look_.block_bytes) {
    blocks.push_back(offset);
  }
}

Expected<Way> read_into_buffer(const Look& look) {
  // Aligned to pages, which is where copying into it is fastest.
  auto buffer = Buffer::pages(look.block_bytes);
  if (!buffer) return std::unexpected(buffer.error().message());
  const auto kept = keep_with(look, std::move(*buffer));
  return Way{
      .name = read_rows::read,
      .run = repeated([kept] { return read_once(*kept, kept->look.file, kept->tool.bytes()); })};
}

Expected<Way> keep_mapped(const Look& look) {
  // Its page tables are filled once: a kept mapping pays for that when it begins.
  auto mapping = Mapping::of(look.file, {}, {.populate = true});
  if (!mapping) return std::unexpected(mapping.error().message());
  const auto kept = keep_with(look, std::move(*mapping));
  return Way{.name = read_rows::kept,
             .run = repeated([kept]() -> Seen {
               const Stretch stretch = next_stretch(kept->look, kept->offsets, kept->blocks);
               return kept->look.sum(kept->tool.bytes().subspan(stretch.offset, stretch.length));
             })};
}

Way map_each_time(const Look& look, bool populate) {
  const auto kept = keep_with(look, MappingOptions{.populate = populate});
  return {.name = populate ? read_rows::populated : read_rows::mapped,
          .run = repeated([kept] { return map_once(*kept); })};
}

Expected<Way> read_direct(const Look& look) {
  if (!look.direct.valid()) return std::unexpected(look.no_direct);
  auto made = Pool::create({.block_bytes = look.block_bytes});
  if (!made) return std::unexpected(made.error().message());
  const auto pool = std::make_shared<Pool>(std::move(*made));
  const auto kept = keep_with(look, pool);
  Way way{.name = read_rows::direct,
          .run = repeated([kept]() -> Seen {
            const auto lease = kept->tool->lease();
            if (!lease) return std::unexpected(lease.error().message());
            return read_once(*kept, kept->look.direct, lease->bytes());
          }),
          .from_disk = true};
  if (const auto tried = way.run(1); !tried) return std::unexpected(tried.error());
  // The trial took an offset.
  kept->offsets = Offsets(look);
  return way;
}

Expected<Way> read_by_ring(const Look& look) {
  if (!look.direct.valid()) return std::unexpected(look.no_direct);
  auto ring = os::RingReads::create(look.direct, look.block_bytes);
  if (!ring) return std::unexpected(ring.error().message());
  const auto kept = keep_with(look, std::move(*ring));
  Way way{.name = read_rows::ring,
          .run = [kept](std::uint64_t times) { return ring_times(*kept, times); },
          .from_disk = true};
  if (const auto tried = way.run(1); !tried) return std::unexpected(tried.error());
  kept->offsets = Offsets(look);
  return way;
}

}  // namespace leat::app::memory
