#include "memory/pools.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <utility>

#include <fmt/core.h>

#include <leat/pool.h>

#include "memory/sink.h"
#include "os/shared_library.h"

namespace leat::app::memory {
namespace {

using Seen = Expected<std::uint64_t>;

constexpr std::size_t block_bytes = 64u << 10;
constexpr std::size_t alignment = 4096;
constexpr std::size_t burst = 64;

constexpr const char* mimalloc_row = "mimalloc";
constexpr const char* malloc_row = "aligned_alloc of libc";
constexpr const char* pool_row = "Pool";
constexpr const char* cache_row = "PoolCache";

/// Of a malloc; its memory does not come from operator new.
struct Allocator {
  const char* name = "";
  void* (*allocate)(std::size_t size, std::size_t alignment) = nullptr;
  void (*release)(void*) = nullptr;
};

Expected<Allocator> load_mimalloc() {
  const auto library = os::SharedLibrary::open("libmimalloc.so.2");
  if (!library) {
    return std::unexpected(fmt::format("scripts/bench memory installs it ({})", library.error()));
  }
  auto* const allocate = library->function<void*(std::size_t, std::size_t)>("mi_malloc_aligned");
  auto* const release = library->function<void(void*)>("mi_free");
  if (!allocate || !release) {
    return std::unexpected("libmimalloc.so.2 has no mi_malloc_aligned or mi_free");
  }
  return Allocator{.name = mimalloc_row, .allocate = allocate, .release = release};
}

Allocator libc() {
  return {.name = malloc_row,
          .allocate = [](std::size_t size,
                         std::size_t aligned_to) { return std::aligned_alloc(aligned_to, size); },
          .release = [](void* block) { std::free(block); }};
}

void write_first(void* block) {
  *static_cast<std::byte*>(block) = std::byte{1};
  keep(block);
}

/// `count` blocks, then all of them back.
template <std::size_t count>
Way way_of(const Allocator& allocator) {
  return {.name = allocator.name,
          .run = [allocator](std::uint64_t times) -> Seen {
            std::array<void*, count> blocks{};
            for (std::uint64_t i = 0; i < times; ++i) {
              for (void*& block : blocks) {
                block = allocator.allocate(block_bytes, alignment);
                if (!block) return std::unexpected("out of memory");
                write_first(block);
              }
              for (void* block : blocks) allocator.release(block);
            }
            return count;
          },
          .counts_heap = false};
}

/// `source`, a Pool or a PoolCache, outlives the way.
template <std::size_t count, class Source>
Way way_of_many(const char* name, Source& source) {
  const auto leases = std::make_shared<std::vector<Lease>>();
  leases->reserve(count);
  return {.name = name, .run = [&source, leases](std::uint64_t times) -> Seen {
            for (std::uint64_t i = 0; i < times; ++i) {
              for (std::size_t block = 0; block < count; ++block) {
                auto leased = source.lease();
                if (!leased) return std::unexpected(leased.error().message());
                write_first(leased->bytes().data());
                leases->push_back(std::move(*leased));
              }
              leases->clear();
            }
            return count;
          }};
}

/// One block, held as long as its scope: the usual way to write it.
template <class Source>
Way way_of_one(const char* name, Source& source) {
  return {.name = name, .run = [&source](std::uint64_t times) -> Seen {
            for (std::uint64_t i = 0; i < times; ++i) {
              const auto leased = source.lease();
              if (!leased) return std::unexpected(leased.error().message());
              write_first(leased->bytes().data());
            }
            return 1;
          }};
}

template <std::size_t count, class Source>
Way leases_of(const char* name, Source& source) {
  if constexpr (count == 1) {
    return way_of_one(name, source);
  } else {
    return way_of_many<count>(name, source);
  }
}

template <std::size_t count>
Expected<Group> measure_bursts(Group group, double most, const Settings& settings) {
  auto pool = Pool::create({.block_bytes = block_bytes});
  if (!pool) return std::unexpected(pool.error().message());
  PoolCache cache(*pool, burst);
  std::vector<Way> ways{way_of<count>(libc()), leases_of<count>(pool_row, *pool),
                        leases_of<count>(cache_row, cache)};
  if (const auto mimalloc = load_mimalloc()) {
    ways.insert(ways.begin(), way_of<count>(*mimalloc));
  } else {
    group.absent.push_back({mimalloc_row, mimalloc.error()});
  }
  group.operations = count;
  group.bounds = {{.row = cache_row, .to = mimalloc_row, .most = most}};
  return measure(std::move(group), ways, settings);
}

}  // namespace

Expected<std::vector<Group>> measure_pools(const Settings& settings) {
  auto single = measure_bursts<1>({.key = "pool_single",
                                   .title = "a block of 64 KiB, aligned to 4 KiB, and back",
                                   .operation = "block"},
                                  0.2, settings);
  if (!single) return std::unexpected(single.error());
  auto bursts = measure_bursts<burst>(
      {.key = "pool_burst", .title = "64 such blocks, then all of them back", .operation = "block"},
      0.35, settings);
  if (!bursts) return std::unexpected(bursts.error());
  std::vector<Group> groups;
  groups.push_back(std::move(*single));
  groups.push_back(std::move(*bursts));
  return groups;
}

}  // namespace leat::app::memory
