#include "memory/file_reads.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <random>
#include <span>
#include <utility>

#include <fmt/core.h>

#include "bench/payload.h"
#include "memory/read_ways.h"
#include "os/block_reads.h"
#include "os/payload_file.h"
#include "sizes.h"

namespace leat::app::memory {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t block_bytes = 256u << 10;

/// A file, and the same to be read past the page cache.
struct Opened {
  OwnedFd file;
  OwnedFd direct;  ///< none: see `no_direct`
  std::string no_direct;

  explicit Opened(OwnedFd made) : file(std::move(made)) {
    auto again = os::reopen_direct(file);
    if (again) {
      direct = std::move(*again);
    } else {
      no_direct = again.error().message();
    }
  }
  Look look(std::uint64_t size, std::size_t block) const {
    return {
        .file = file, .direct = direct, .no_direct = no_direct, .size = size, .block_bytes = block};
  }
};

/// Of random words, so that no file system compresses them; on the disk and in the page cache.
Expected<Opened> make_small_file(const std::string& folder) {
  std::vector<std::uint64_t> words(small_file_bytes / sizeof(std::uint64_t));
  std::mt19937_64 random(small_file_bytes);
  std::generate(words.begin(), words.end(), std::ref(random));
  auto file = os::nameless_file(folder);
  if (!file) return std::unexpected(file.error().message());
  const auto written = os::write_at_start(*file, std::as_bytes(std::span(words)));
  if (!written) return std::unexpected(written.error().message());
  if (const auto flushed = os::flush(*file); !flushed) {
    return std::unexpected(flushed.error().message());
  }
  return Opened(std::move(*file));
}

/// Drops it, and reads it as a program does that reads a little at a time. False: it stays.
Expected<bool> read_ahead(FdRef file) {
  if (const auto dropped = os::drop_cached(file); !dropped) {
    return std::unexpected(dropped.error().message());
  }
  const auto left = os::resident_bytes(file, small_file_bytes);
  if (!left) return std::unexpected(left.error().message());
  if (*left > 0) return false;
  const auto read = os::read_in_blocks(file, page_bytes);
  if (!read) return std::unexpected(read.error().message());
  return true;
}

/// A way that may not be there.
void add(Expected<Way> way, const char* name, std::vector<Way>& ways, Group& group) {
  if (way) {
    ways.push_back(std::move(*way));
  } else {
    group.absent.push_back({name, way.error()});
  }
}

/// `look` for those that read as `group` says; rings in blocks of at most 256 KiB.
Expected<Group> measure_all(Group group, const Look& look, const Settings& settings) {
  auto read = read_into_buffer(look);
  if (!read) return std::unexpected(read.error());
  auto kept = keep_mapped(look);
  if (!kept) return std::unexpected(kept.error());
  std::vector<Way> ways{std::move(*read), std::move(*kept), map_each_time(look, false),
                        map_each_time(look, true)};
  add(read_direct(look), read_rows::direct, ways, group);
  Look in_blocks = look;
  in_blocks.block_bytes = std::min(look.block_bytes, block_bytes);
  add(read_by_ring(in_blocks), read_rows::ring, ways, group);
  return measure(std::move(group), ways, settings);
}

Group small_group(Cached cached) {
  if (cached == Cached::read_ahead) {
    return {.key = "small_read_ahead",
            .title = "4 MiB of a warm file that readahead brought in, every cache line touched",
            .operation = "look at 4 MiB"};
  }
  return {.key = "small_written",
          .title = "4 MiB of a warm file written in one call, every cache line touched",
          .operation = "look at 4 MiB",
          .bounds = {{.row = read_rows::kept, .to = read_rows::read, .most = 0.5},
                     {.row = read_rows::mapped, .to = read_rows::read, .most = 0.6}}};
}

}  // namespace

Expected<Group> measure_small_file(const ReadSettings& settings, Cached cached) {
  const auto opened = make_small_file(settings.folder);
  if (!opened) return std::unexpected(opened.error());
  Group group = small_group(cached);
  if (cached == Cached::read_ahead) {
    const auto done = read_ahead(opened->file);
    if (!done) return std::unexpected(done.error());
    if (!*done) {
      group.absent.push_back(
          {"all of them", "the file does not leave the page cache; give a --dir on a disk"});
      return group;
    }
  }
  return measure_all(std::move(group), opened->look(small_file_bytes, small_file_bytes),
                     settings.timing);
}

Expected<Group> measure_summing(const ReadSettings& settings) {
  const auto opened = make_small_file(settings.folder);
  if (!opened) return std::unexpected(opened.error());
  Look look = opened->look(small_file_bytes, small_file_bytes);
  look.sum = sum_of_words;
  auto read = read_into_buffer(look);
  if (!read) return std::unexpected(read.error());
  auto kept = keep_mapped(look);
  if (!kept) return std::unexpected(kept.error());
  Group group{.key = "small_summed",
              .title = "4 MiB of a warm file written in one call, all 8-byte words summed",
              .operation = "look at 4 MiB",
              .bounds = {{.row = read_rows::kept, .to = read_rows::read, .most = 0.65}}};
  return measure(std::move(group), {std::move(*read), std::move(*kept)}, settings.timing);
}

Expected<std::vector<Group>> measure_large_file(const ReadSettings& settings) {
  auto payload = bench::make_payload(settings.folder, settings.size, {});
  if (!payload) return std::unexpected(payload.error());
  const Opened opened(std::move(payload->file));
  const std::string size = format_size(settings.size);
  Look at_random = opened.look(settings.size, page_bytes);
  at_random.at_random = true;
  auto random =
      measure_all({.key = "random_4k",
                   .title = fmt::format("4 KiB at random offsets of a warm file of {}", size),
                   .operation = "look at 4 KiB"},
                  at_random, settings.timing);
  if (!random) return std::unexpected(random.error());
  auto sequential = measure_all(
      {.key = "sequential",
       .title = fmt::format("a warm file of {} from its start, in blocks of 256 KiB", size),
       .operation = "pass"},
      opened.look(settings.size, std::min<std::uint64_t>(block_bytes, settings.size)),
      settings.timing);
  if (!sequential) return std::unexpected(sequential.error());
  std::vector<Group> groups;
  groups.push_back(std::move(*random));
  groups.push_back(std::move(*sequential));
  return groups;
}

Expected<std::vector<Group>> measure_file_reads(const ReadSettings& settings) {
  // First the large file: where there is no room for it, that is told at once.
  auto large = measure_large_file(settings);
  if (!large) return std::unexpected(large.error());
  std::vector<Group> groups;
  for (const Cached cached : {Cached::written, Cached::read_ahead}) {
    auto group = measure_small_file(settings, cached);
    if (!group) return std::unexpected(group.error());
    groups.push_back(std::move(*group));
  }
  auto summed = measure_summing(settings);
  if (!summed) return std::unexpected(summed.error());
  groups.push_back(std::move(*summed));
  std::move(large->begin(), large->end(), std::back_inserter(groups));
  return groups;
}

}  // namespace leat::app::memory
