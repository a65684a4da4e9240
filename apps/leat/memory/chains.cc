#include "memory/chains.h"

#include <memory>
#include <span>
#include <string>
#include <utility>

#include <leat/buffer.h>

#include "memory/cord.h"
#include "memory/sink.h"

namespace leat::app::memory {
namespace {

using Seen = Expected<std::uint64_t>;

constexpr std::size_t piece_bytes = 4096;
constexpr std::size_t pieces = 256;
constexpr std::size_t whole_bytes = piece_bytes * pieces;
/// No multiple of a piece: parts begin and end within one.
constexpr std::size_t part_bytes = 10'000;
constexpr std::size_t parts = (whole_bytes + part_bytes - 1) / part_bytes;

/// What all ways take their pieces from; it outlives them.
struct Pieces {
  std::vector<std::byte> memory = std::vector<std::byte>(whole_bytes, std::byte{0x5a});
  std::uint64_t released = 0;

  std::span<const std::byte> piece(std::size_t index) const {
    return std::span(memory).subspan(index * piece_bytes, piece_bytes);
  }
  Slice take_in(std::size_t index) {
    return Slice::adopt(piece(index), [this] { ++released; });
  }
};

/// One `once` a time; what the last one returns was seen.
template <class Once>
Way way(const char* name, Once once) {
  return {.name = name, .run = [once = std::move(once)](std::uint64_t times) -> Seen {
            std::uint64_t seen = 0;
            for (std::uint64_t i = 0; i < times; ++i) seen = once();
            return seen;
          }};
}

Way chain_of_foreign(Pieces& from) {
  return way(chain_rows::chain, [&from] {
    Chain chain;
    for (std::size_t index = 0; index < pieces; ++index) chain.append(from.take_in(index));
    keep(&chain);
    return chain.size();
  });
}

std::vector<Slice> ready_slices(Pieces& from) {
  std::vector<Slice> slices;
  slices.reserve(pieces);
  for (std::size_t index = 0; index < pieces; ++index) slices.push_back(from.take_in(index));
  return slices;
}

Chain whole_chain(Pieces& from) {
  Chain chain;
  for (Slice& slice : ready_slices(from)) chain.append(std::move(slice));
  return chain;
}

Way chain_of_ready(Pieces& from) {
  return way(chain_rows::chain, [slices = ready_slices(from)] {
    Chain chain;
    for (const Slice& slice : slices) chain.append(slice);
    keep(&chain);
    return chain.size();
  });
}

Way iterate_chain(Pieces& from) {
  return way(chain_rows::chain, [whole = whole_chain(from)] {
    keep(&whole);
    std::uint64_t size = 0;
    for (const Slice& slice : whole) {
      keep(static_cast<const void*>(slice.data()));
      size += slice.size();
    }
    return size;
  });
}

std::uint64_t take_apart(Chain& rest) {
  std::uint64_t count = 0;
  while (!rest.empty()) {
    const Chain part = rest.split(part_bytes);
    keep(&part);
    ++count;
  }
  return count;
}

Way split_chain(Pieces& from) {
  const auto copies = std::make_shared<std::vector<Chain>>();
  return {.name = chain_rows::chain,
          .run = [copies](std::uint64_t) -> Seen {
            std::uint64_t count = 0;
            for (Chain& rest : *copies) count = take_apart(rest);
            return count;
          },
          .prepare = [copies, whole = whole_chain(from)](
                         std::uint64_t times) { copies->assign(times, whole); }};
}

Way append_to_string(const Pieces& from) {
  return way(chain_rows::string, [&from] {
    std::string text;
    for (std::size_t index = 0; index < pieces; ++index) {
      const auto piece = from.piece(index);
      text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
    keep(text.data());
    return std::uint64_t{text.size()};
  });
}

Way split_string() {
  return way(chain_rows::string, [whole = std::string(whole_bytes, 'Z')] {
    std::uint64_t count = 0;
    for (std::size_t at = 0; at < whole.size(); at += part_bytes) {
      const std::string part = whole.substr(at, part_bytes);
      keep(part.data());
      ++count;
    }
    return count;
  });
}

using CordDoes = std::uint64_t (*CordOperations::*)(void* cords, std::uint64_t times);

/// Its memory comes from the operator new of a shared library, which is not counted.
Way cord_way(const CordPeer& cord, CordDoes operation) {
  Way does{.name = chain_rows::cord,
           .run = [cord, run = cord.operations().*operation](std::uint64_t times) -> Seen {
             return run(cord.cords(), times);
           },
           .counts_heap = false};
  if (operation == &CordOperations::split) {
    does.prepare = [cord](std::uint64_t times) { cord.operations().copy(cord.cords(), times); };
  }
  return does;
}

/// Cord first, if there is one: it is what chains are compared with.
Expected<Group> measure_beside(const Expected<CordPeer>& cord, CordDoes operation, Group group,
                               std::vector<Way> others, double most, const Settings& settings) {
  group.bounds = {{.row = chain_rows::chain, .to = chain_rows::cord, .most = most}};
  if (cord) {
    others.insert(others.begin(), cord_way(*cord, operation));
  } else {
    group.absent.push_back({chain_rows::cord, cord.error()});
  }
  return measure(std::move(group), others, settings);
}

Expected<Group> append_foreign(Pieces& from, const Expected<CordPeer>& cord,
                               const Settings& settings) {
  return measure_beside(cord, &CordOperations::append_foreign,
                        {.key = "chain_append_foreign",
                         .title = "256 pieces of 4 KiB taken in and appended",
                         .operation = "piece",
                         .operations = pieces},
                        {append_to_string(from), chain_of_foreign(from)}, 0.8, settings);
}

Expected<Group> append_ready(Pieces& from, const Expected<CordPeer>& cord,
                             const Settings& settings) {
  return measure_beside(cord, &CordOperations::append_ready,
                        {.key = "chain_append_ready",
                         .title = "256 ready pieces of 4 KiB appended",
                         .operation = "piece",
                         .operations = pieces},
                        {append_to_string(from), chain_of_ready(from)}, 0.8, settings);
}

Expected<Group> iterate(Pieces& from, const Expected<CordPeer>& cord, const Settings& settings) {
  return measure_beside(cord, &CordOperations::iterate,
                        {.key = "chain_iterate",
                         .title = "256 pieces of 4 KiB looked at in turn",
                         .operation = "piece",
                         .operations = pieces},
                        {iterate_chain(from)}, 0.5, settings);
}

Expected<Group> split(Pieces& from, const Expected<CordPeer>& cord, const Settings& settings) {
  return measure_beside(cord, &CordOperations::split,
                        {.key = "chain_split",
                         .title = "256 pieces of 4 KiB taken apart, 10,000 bytes at a time",
                         .operation = "part",
                         .operations = parts},
                        {split_string(), split_chain(from)}, 0.25, settings);
}

}  // namespace

Expected<std::vector<Group>> measure_chains(const Settings& settings) {
  Pieces from;
  const Expected<CordPeer> cord = CordPeer::of(from.memory, piece_bytes, part_bytes);
  std::vector<Group> groups;
  for (const auto measure_one : {append_foreign, append_ready, iterate, split}) {
    auto group = measure_one(from, cord, settings);
    if (!group) return std::unexpected(group.error());
    groups.push_back(std::move(*group));
  }
  return groups;
}

}  // namespace leat::app::memory
