#include "memory/slices.h"

#include <cstring>
#include <span>
#include <utility>

#include <leat/buffer.h>

#include "memory/sink.h"

namespace leat::app::memory {
namespace {

using Seen = Expected<std::uint64_t>;

/// Where the part begins, in a buffer twice as long.
constexpr std::size_t begins_at = 4096 + 64;

Expected<Slice> make_buffer() {
  auto buffer = Buffer::allocate(2 * slice_bytes);
  if (!buffer) return std::unexpected(buffer.error().message());
  std::memset(buffer->data(), 0x5a, buffer->size());
  return std::move(*buffer).freeze();
}

std::span<const std::byte> part_of(const Slice& whole) {
  return whole.bytes().subspan(begins_at, slice_bytes);
}

/// `into` outlives the way.
Way copy_to_kept(const Slice& whole, std::span<std::byte> into) {
  return {.name = slice_rows::kept_copy, .run = [whole, into](std::uint64_t times) -> Seen {
            for (std::uint64_t i = 0; i < times; ++i) {
              const auto part = part_of(whole);
              std::memcpy(into.data(), part.data(), part.size());
              keep(into.data());
            }
            return into.size();
          }};
}

Way copy_to_new(const Slice& whole) {
  return {.name = slice_rows::new_copy, .run = [whole](std::uint64_t times) -> Seen {
            std::uint64_t size = 0;
            for (std::uint64_t i = 0; i < times; ++i) {
              const auto part = part_of(whole);
              const std::vector<std::byte> copy(part.begin(), part.end());
              keep(copy.data());
              size = copy.size();
            }
            return size;
          }};
}

Way take_call_scoped(const Slice& whole) {
  return {.name = slice_rows::call_scoped, .run = [whole](std::uint64_t times) -> Seen {
            std::uint64_t size = 0;
            for (std::uint64_t i = 0; i < times; ++i) {
              keep(&whole);  // as if it were another slice each time
              const auto part = part_of(whole);
              keep(static_cast<const void*>(part.data()));
              size = part.size();
            }
            return size;
          }};
}

Way take_counted(const Slice& whole) {
  return {.name = slice_rows::counted, .run = [whole](std::uint64_t times) -> Seen {
            std::uint64_t size = 0;
            for (std::uint64_t i = 0; i < times; ++i) {
              const Slice part = whole.subslice(begins_at, slice_bytes);
              keep(&part);
              size = part.size();
            }
            return size;
          }};
}

}  // namespace

Expected<Group> measure_slices(const Settings& settings) {
  const auto whole = make_buffer();
  if (!whole) return std::unexpected(whole.error());
  std::vector<std::byte> kept(slice_bytes);
  Group group{.key = "slices",
              .title = "64 KiB: a copy or a slice",
              .operation = "hand-over of 64 KiB",
              .bounds = {{.row = slice_rows::call_scoped,
                          .to = slice_rows::kept_copy,
                          .most = 1.0 / 1000,
                          .must_not_allocate = true},
                         {.row = slice_rows::counted,
                          .to = slice_rows::kept_copy,
                          .most = 1.0 / 100,
                          .must_not_allocate = true}}};
  return measure(std::move(group),
                 {copy_to_kept(*whole, kept), copy_to_new(*whole), take_call_scoped(*whole),
                  take_counted(*whole)},
                 settings);
}

}  // namespace leat::app::memory
