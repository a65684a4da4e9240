#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <leat/buffer.h>

#include "os/error.h"

namespace leat {
namespace {

// To bare memory, which may be a part of where they are; what they leave is bare memory.
void relocate(Slice* from, std::size_t count, Slice* to) noexcept {
  const auto move_one = [&](std::size_t i) {
    new (to + i) Slice(std::move(from[i]));
    std::destroy_at(from + i);
  };
  if (to < from) {
    for (std::size_t i = 0; i < count; ++i) move_one(i);
  } else if (from < to) {
    for (std::size_t i = count; i > 0; --i) move_one(i - 1);
  }
}

}  // namespace

Chain::Chain(const Chain& other) : Chain() { *this = other; }

Chain& Chain::operator=(const Chain& other) {
  if (this == &other) return *this;
  clear();
  for (const Slice& slice : other) append(slice);
  return *this;
}

Chain::Chain(Chain&& other) noexcept : Chain() { take(other); }

Chain& Chain::operator=(Chain&& other) noexcept {
  if (this == &other) return *this;
  clear();
  take(other);
  return *this;
}

// To an empty chain without a room of its own.
void Chain::take(Chain& other) noexcept {
  first_ = std::exchange(other.first_, 0);
  count_ = std::exchange(other.count_, 0);
  capacity_ = std::exchange(other.capacity_, inline_slices);
  size_ = std::exchange(other.size_, 0);
  spilled_ = std::exchange(other.spilled_, nullptr);
  if (!spilled_) relocate(other.room() + first_, count_, room() + first_);
}

void Chain::clear() noexcept {
  std::destroy_n(room() + first_, count_);
  if (spilled_) std::allocator<Slice>().deallocate(spilled_, capacity_);
  first_ = count_ = size_ = 0;
  capacity_ = inline_slices;
  spilled_ = nullptr;
}

// Behind: at the front of what there is, if half of that is free, so that a queue never grows.
void Chain::make_room() {
  if (count_ <= capacity_ / 2) return move_to(capacity_, 0);
  move_to(2 * capacity_, 0);
}

void Chain::move_to(std::size_t capacity, std::size_t first) {
  if (capacity == capacity_) {
    relocate(room() + first_, count_, room() + first);
  } else {
    Slice* const wider = std::allocator<Slice>().allocate(capacity);
    relocate(room() + first_, count_, wider + first);
    if (spilled_) std::allocator<Slice>().deallocate(spilled_, capacity_);
    spilled_ = wider;
    capacity_ = capacity;
  }
  first_ = first;
}

void Chain::prepend(Slice slice) {
  if (slice.empty()) return;
  if (first_ == 0) {
    // As much free before as behind, at least one.
    const std::size_t capacity = count_ <= capacity_ / 2 ? capacity_ : 2 * capacity_;
    move_to(capacity, (capacity - count_ + 1) / 2);
  }
  size_ += slice.size();
  new (room() + --first_) Slice(std::move(slice));
  ++count_;
}

void Chain::append(Chain other) {
  if (empty()) {
    *this = std::move(other);
    return;
  }
  for (std::size_t i = 0; i < other.count_; ++i) append(std::move(other.room()[other.first_ + i]));
}

Chain Chain::split(std::uint64_t count) {
  if (count >= size_) return std::exchange(*this, Chain());
  Chain front;
  size_ -= count;
  while (count > 0) {
    Slice& next = room()[first_];
    if (count < next.size()) {
      front.append(next.subslice(0, count));
      next.drop_front(count);
      break;
    }
    count -= next.size();
    front.append(std::move(next));
    pop_front();
  }
  return front;
}

void Chain::drop_front(std::uint64_t count) {
  if (count >= size_) return clear();
  size_ -= count;
  while (count > 0) {
    Slice& next = room()[first_];
    if (count < next.size()) return next.drop_front(count);
    count -= next.size();
    pop_front();
  }
}

Chain Chain::subchain(std::uint64_t offset, std::uint64_t length) const {
  Chain part;
  for (const Slice& slice : *this) {
    if (length == 0) break;
    if (offset >= slice.size()) {
      offset -= slice.size();
      continue;
    }
    Slice piece = slice.subslice(offset, length);
    offset = 0;
    length -= piece.size();
    part.append(std::move(piece));
  }
  return part;
}

std::size_t Chain::fill_iovecs(std::span<iovec> into) const noexcept {
  const std::size_t count = std::min(into.size(), count_);
  for (std::size_t i = 0; i < count; ++i) {
    const Slice& slice = room()[first_ + i];
    // Those who read from it do not write to it: writev(2), sendmsg(2).
    into[i] = {const_cast<std::byte*>(slice.data()), slice.size()};
  }
  return count;
}

std::size_t Chain::copy_to(std::span<std::byte> into, std::uint64_t offset) const noexcept {
  std::size_t copied = 0;
  for (const Slice& slice : *this) {
    if (offset >= slice.size()) {
      offset -= slice.size();
      continue;
    }
    const auto bytes = slice.bytes().subspan(offset);
    const std::size_t count = std::min(bytes.size(), into.size() - copied);
    if (count == 0) break;
    std::memcpy(into.data() + copied, bytes.data(), count);
    copied += count;
    offset = 0;
  }
  return copied;
}

Result<Chain::Flat> Chain::flatten() const {
  if (empty()) return Flat{};
  if (count_ == 1) return Flat{*begin()};
  auto buffer = Buffer::allocate(size_);
  if (!buffer) return std::unexpected(std::move(buffer.error()));
  copy_to(buffer->bytes());
  return Flat{std::move(*buffer).freeze(), size_};
}

std::uint64_t Chain::retained_bytes() const {
  std::vector<std::pair<const void*, std::uint64_t>> keepers;
  std::uint64_t sum = 0;
  for (const Slice& slice : *this) {
    if (slice.keeper()) keepers.emplace_back(slice.keeper().count(), slice.retained_bytes());
  }
  std::ranges::sort(keepers, std::greater());
  const auto repeated =
      std::ranges::unique(keepers, {}, [](const auto& keeper) { return keeper.first; });
  keepers.erase(repeated.begin(), repeated.end());
  for (const auto& [keeper, bytes] : keepers) sum += bytes;
  return sum;
}

}  // namespace leat
