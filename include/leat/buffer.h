/// Memory that can be lent to the kernel: a Buffer is written by its one owner, a Slice is a shared
/// read-only view of it, a Chain is slices in order.
///
/// A view into a container dangles when the container grows. Here nothing grows: a Buffer has all
/// its room from the start and is frozen before anybody else sees it, and a Slice keeps the memory.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <leat/error.h>
#include <leat/keeper.h>

struct iovec;  // NOLINT(readability-identifier-naming): of <sys/uio.h>

namespace leat {

class Buffer;
class Lease;

/// Bytes that nobody changes any more and that live as long as any Slice of them does. Copying one
/// shares the bytes: one atomic addition, no allocation. A small value; each one belongs to one
/// thread, the bytes may be shared by any number of threads, and the last of them to let go gives
/// the memory back, wherever it runs.
class Slice {
 public:
  /// No bytes; nor has one that was moved from.
  Slice() noexcept = default;
  Slice(const Slice&) = default;
  Slice& operator=(const Slice&) = default;
  Slice(Slice&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), keeper_(std::move(other.keeper_)) {}
  Slice& operator=(Slice&& other) noexcept {
    if (this == &other) return *this;
    bytes_ = std::exchange(other.bytes_, {});
    keeper_ = std::move(other.keeper_);  // last: to let go of the old one may call somebody
    return *this;
  }
  ~Slice() = default;

  /// Takes foreign memory in: `release()` is called exactly once, on whatever thread lets go last,
  /// also if `bytes` is empty. Nobody may change the bytes before that. One allocation; where that
  /// throws, nothing was taken in.
  template <class Release>
    requires std::invocable<Release&>
  static Slice adopt(std::span<const std::byte> bytes, Release release) {
    struct Foreign {
      Release release;
      ~Foreign() { release(); }
    };
    Kept<Foreign> foreign(std::in_place, std::move(release));
    foreign.set_memory(bytes);
    return adopt(bytes, std::move(foreign).keeper());
  }
  /// The same for memory that `owner` keeps alive; borrow() if there is none.
  static Slice adopt(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
    if (!owner) return borrow(bytes);
    Kept<std::shared_ptr<const void>> kept(std::in_place, std::move(owner));
    kept.set_memory(bytes);
    return adopt(bytes, std::move(kept).keeper());
  }
  /// The same for memory that `keeper` keeps alive, and says what may be done with. No allocation.
  static Slice adopt(std::span<const std::byte> bytes, Keeper keeper) noexcept {
    return Slice(bytes, std::move(keeper));
  }
  /// Takes over a string, or a vector of plain values, whose bytes it then is. One allocation;
  /// nothing is copied but strings so short that they hold their characters themselves.
  static Slice adopt(std::string text);
  template <class T>
    requires std::is_trivially_copyable_v<T>
  static Slice adopt(std::vector<T> values) {
    Kept<const std::vector<T>> kept(std::in_place, std::move(values));
    const auto bytes = std::as_bytes(std::span(*kept));
    kept.set_memory({bytes.data(), kept->capacity() * sizeof(T)});
    return adopt(bytes, std::move(kept).keeper());
  }
  /// Keeps nothing alive: for the time of a call, after which no slice of it may be left. Never
  /// lent to the kernel beyond the call.
  static Slice borrow(std::span<const std::byte> bytes) noexcept { return Slice(bytes, Keeper()); }
  static Slice borrow(std::string_view text) noexcept {
    return borrow(std::as_bytes(std::span(text)));
  }

  const std::byte* data() const noexcept { return bytes_.data(); }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }
  /// A view: valid as long as any Slice of this memory is. Part of it is to be had by subspan(),
  /// for nothing.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

  /// A part of it, which shares the memory. `offset` and `length` are cut to what is there.
  Slice subslice(std::size_t offset, std::size_t length = static_cast<std::size_t>(-1)) const& {
    const std::size_t begin = offset < size() ? offset : size();
    const std::size_t rest = size() - begin;
    return {bytes_.subspan(begin, length < rest ? length : rest), keeper_};
  }

  /// The memory that this slice keeps from being given back: all of the buffer that it is a part
  /// of. Foreign memory counts as what was adopted, borrowed memory not at all. Slices of one
  /// buffer each show all of it.
  std::uint64_t retained_bytes() const noexcept { return keeper_.memory().size(); }

  /// Back to a Buffer, to be written again: if nobody else has a Slice of the memory, and the
  /// kernel none that it was lent. The bytes are as they are, and what of the buffer lies before
  /// and behind them is head- and tailroom. Else, and for memory that was adopted, borrowed or made
  /// by Buffer::pages, nothing, and this slice is as it was.
  std::optional<Buffer> try_thaw() &&;

  /// True if the memory is pages of its own that munmap(2) gives back: nobody ever writes to them
  /// again, so the kernel may go on reading after the last Slice is gone.
  bool is_never_reused() const noexcept { return keeper_.is_never_reused(); }
  /// What keeps the bytes alive; of borrowed ones nothing.
  const Keeper& keeper() const noexcept { return keeper_; }

 private:
  friend class Buffer;
  friend class Chain;
  friend class Lease;
  /// Gives up its first bytes, at most all.
  void drop_front(std::size_t count) noexcept { bytes_ = bytes_.subspan(count); }
  Slice(std::span<const std::byte> bytes, Keeper keeper) noexcept
      : bytes_(bytes), keeper_(std::move(keeper)) {}

  std::span<const std::byte> bytes_;
  Keeper keeper_;
};

/// Room that a Buffer has before and behind its bytes.
struct Room {
  std::size_t head = 0;
  std::size_t tail = 0;
};

/// Memory with one owner, who may write to it: bytes, with room before and behind them. It never
/// grows beyond that, so no pointer into it goes stale. Move-only; one thread at a time.
class Buffer {
 public:
  /// No bytes; nor has one that was moved from.
  Buffer() noexcept = default;
  /// From the heap; not initialised. Errors: ENOMEM.
  static Result<Buffer> allocate(std::size_t size, Room room = {});
  /// Whole pages of its own from mmap(2), zeroed, given back by munmap(2). Only such memory may be
  /// given to vmsplice(2), and only such memory can be let go while the kernel still reads it. What
  /// its last page has left is tailroom. Errors: ENOMEM.
  static Result<Buffer> pages(std::size_t size);

  Buffer(Buffer&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), keeper_(std::move(other.keeper_)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    bytes_ = std::exchange(other.bytes_, {});
    keeper_ = std::move(other.keeper_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() = default;

  std::byte* data() const noexcept { return bytes_.data(); }
  std::size_t size() const noexcept { return bytes_.size(); }
  std::span<std::byte> bytes() const noexcept { return bytes_; }

  std::size_t capacity() const noexcept { return keeper_.memory().size(); }
  std::size_t headroom() const noexcept {
    return static_cast<std::size_t>(bytes_.data() - keeper_.memory().data());
  }
  std::size_t tailroom() const noexcept { return capacity() - headroom() - bytes_.size(); }

  /// Takes `count` bytes of the room before, or behind, in, and returns them to be written: a
  /// header before a payload that is there already. Nothing is copied or moved. Empty, and nothing
  /// changes, if there is not so much room.
  std::span<std::byte> grow_front(std::size_t count) noexcept;
  std::span<std::byte> grow_back(std::size_t count) noexcept;
  /// Gives bytes up at the front, or at the back, which then are room. Cut to what is there.
  void trim_front(std::size_t count) noexcept;
  void trim_back(std::size_t count) noexcept;

  /// Gives up the right to write: its bytes, or the first `length` of them, as a Slice. Nothing is
  /// copied.
  Slice freeze(std::size_t length) &&;
  Slice freeze() && { return std::move(*this).freeze(bytes_.size()); }

 private:
  friend class Slice;
  Buffer(std::span<std::byte> bytes, Keeper keeper) noexcept
      : bytes_(bytes), keeper_(std::move(keeper)) {}

  std::span<std::byte> bytes_;
  Keeper keeper_;  // of all of it, with the room
};

/// Slices in order, seen as one sequence of bytes; four need no allocation. Copying one shares the
/// bytes. Empty slices are left out.
class Chain {
 public:
  Chain() noexcept {}  // NOLINT(modernize-use-equals-default): leaves the room as it is
  Chain(const Chain& other);
  Chain& operator=(const Chain& other);
  Chain(Chain&& other) noexcept;
  Chain& operator=(Chain&& other) noexcept;
  ~Chain() { clear(); }

  /// In constant time, but for making room for twice as many slices now and then.
  void append(Slice slice) {
    if (slice.empty()) return;
    if (first_ + count_ == capacity_) make_room();
    size_ += slice.size();
    new (room() + first_ + count_++) Slice(std::move(slice));
  }
  void prepend(Slice slice);
  void append(Chain other);

  std::uint64_t size() const noexcept { return size_; }
  bool empty() const noexcept { return count_ == 0; }
  /// The contiguous pieces. Valid until the chain changes.
  std::span<const Slice> slices() const noexcept { return {room() + first_, count_}; }
  const Slice* begin() const noexcept { return room() + first_; }
  const Slice* end() const noexcept { return room() + first_ + count_; }

  /// Takes the first `count` bytes off and returns them, which shares the slice that is cut. Takes
  /// as long as there are slices in them. `count` is cut to what is there.
  Chain split(std::uint64_t count);
  /// The same, and lets them go.
  void drop_front(std::uint64_t count);
  /// A part of it, which shares the memory. `offset` and `length` are cut to what is there.
  Chain subchain(std::uint64_t offset, std::uint64_t length = static_cast<std::uint64_t>(-1)) const;

  /// The pieces as writev(2), sendmsg(2) and preadv(2) take them: the first `into.size()` of them.
  /// How many were filled in. Valid until the chain changes.
  std::size_t fill_iovecs(std::span<iovec> into) const noexcept;

  /// Copies what fits of the bytes from `offset` on. How many.
  std::size_t copy_to(std::span<std::byte> into, std::uint64_t offset = 0) const noexcept;

  struct Flat {
    Slice slice;
    std::uint64_t copied_bytes = 0;  ///< 0: it was in one piece already
  };
  /// All bytes in one piece: the only function here that copies to make something. Errors: ENOMEM.
  Result<Flat> flatten() const;

  /// The memory that it keeps from being given back, each buffer counted once: a few bytes of each
  /// of many buffers keep all of them. See Slice::retained_bytes.
  std::uint64_t retained_bytes() const;

 private:
  static constexpr std::size_t inline_slices = 4;

  Slice* room() noexcept { return spilled_ ? spilled_ : reinterpret_cast<Slice*>(inline_); }
  const Slice* room() const noexcept {
    return spilled_ ? spilled_ : reinterpret_cast<const Slice*>(inline_);
  }
  void make_room();
  void move_to(std::size_t capacity, std::size_t first);
  void take(Chain& other) noexcept;
  void pop_front() noexcept {
    std::destroy_at(room() + first_++);
    --count_;
  }
  void clear() noexcept;

  std::size_t first_ = 0;  // of `room`; what lies before and behind is no slice, but bare memory
  std::size_t count_ = 0;
  std::size_t capacity_ = inline_slices;
  std::uint64_t size_ = 0;
  Slice* spilled_ = nullptr;  // null: inline_
  alignas(Slice) std::byte inline_[inline_slices * sizeof(Slice)];
};

}  // namespace leat
