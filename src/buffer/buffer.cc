#include <algorithm>
#include <functional>
#include <new>
#include <utility>

#include <leat/buffer.h>

#include "os/error.h"
#include "os/memory.h"

namespace leat {
namespace {

/// Of a buffer from the heap. Its memory follows it.
struct alignas(std::max_align_t) HeapCount : Keeper::Count {
  HeapCount() : Count([](Count& count) noexcept { ::operator delete(&count); }) { thaws = true; }
};

struct PagesCount : Keeper::Count {
  explicit PagesCount(std::span<std::byte> pages)
      : Count([](Count& count) noexcept {
          const std::span<const std::byte> gone = count.memory;
          delete static_cast<PagesCount*>(&count);
          os::unmap_pages({const_cast<std::byte*>(gone.data()), gone.size()});
        }) {
    memory = pages;
    never_reused = true;
  }
};

}  // namespace

Slice Slice::adopt(std::string text) {
  Kept<const std::string> kept(std::in_place, std::move(text));
  const auto bytes = std::as_bytes(std::span(*kept));
  kept.set_memory({bytes.data(), kept->capacity()});
  return adopt(bytes, std::move(kept).keeper());
}

std::optional<Buffer> Slice::try_thaw() && {
  const auto whole = keeper_.memory();
  const bool is_inside = std::greater_equal()(bytes_.data(), whole.data()) &&
                         std::less_equal()(bytes_.data() + size(), whole.data() + whole.size());
  if (!is_inside || !keeper_.thaws() || !keeper_.is_alone()) return std::nullopt;
  // It was written before it was frozen.
  const std::span bytes(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  bytes_ = {};
  return Buffer(bytes, std::move(keeper_));
}

Result<Buffer> Buffer::allocate(std::size_t size, Room room) {
  std::size_t whole = 0;
  std::size_t with_count = 0;
  if (__builtin_add_overflow(size, room.head, &whole) ||
      __builtin_add_overflow(whole, room.tail, &whole) ||
      __builtin_add_overflow(whole, sizeof(HeapCount), &with_count))
    return os::make_error(ENOMEM, "malloc");
  void* const memory = ::operator new(with_count, std::nothrow);
  if (!memory) return os::make_error(ENOMEM, "malloc");
  auto* const count = new (memory) HeapCount;
  const std::span all(reinterpret_cast<std::byte*>(count + 1), whole);
  count->memory = all;
  return Buffer(all.subspan(room.head, size), Keeper(*count));
}

Result<Buffer> Buffer::pages(std::size_t size) {
  const auto mapped = os::map_pages(size);
  if (!mapped) return std::unexpected(mapped.error());
  auto* const count = new (std::nothrow) PagesCount(*mapped);
  if (!count) {
    os::unmap_pages(*mapped);
    return os::make_error(ENOMEM, "malloc");
  }
  return Buffer(mapped->first(size), Keeper(*count));
}

std::span<std::byte> Buffer::grow_front(std::size_t count) noexcept {
  if (count > headroom()) return {};
  bytes_ = {bytes_.data() - count, bytes_.size() + count};
  return bytes_.first(count);
}

std::span<std::byte> Buffer::grow_back(std::size_t count) noexcept {
  if (count > tailroom()) return {};
  bytes_ = {bytes_.data(), bytes_.size() + count};
  return bytes_.last(count);
}

void Buffer::trim_front(std::size_t count) noexcept {
  bytes_ = bytes_.subspan(std::min(count, bytes_.size()));
}

void Buffer::trim_back(std::size_t count) noexcept {
  bytes_ = bytes_.first(bytes_.size() - std::min(count, bytes_.size()));
}

Slice Buffer::freeze(std::size_t length) && {
  const auto bytes = std::exchange(bytes_, {});
  return {bytes.first(std::min(length, bytes.size())), std::move(keeper_)};
}

}  // namespace leat
