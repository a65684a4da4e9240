/// Memory that can be lent to the kernel: a Buffer is written by its one owner, a Slice is a shared
/// read-only view of it, a Chain is slices in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <leat/error.h>

namespace leat {

/// Bytes that nobody changes any more and that live as long as any Slice of them does. Copying one
/// shares the bytes. A small value; each one belongs to one thread, the bytes may be shared by any
/// number of threads, and the last of them to let go gives the memory back, wherever it runs.
class Slice {
 public:
  /// No bytes; nor has one that was moved from.
  Slice() noexcept = default;
  Slice(const Slice&) = default;
  Slice& operator=(const Slice&) = default;
  Slice(Slice&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})),
        owner_(std::move(other.owner_)),
        never_reused_(std::exchange(other.never_reused_, false)) {}
  Slice& operator=(Slice&& other) noexcept {
    Slice taken(std::move(other));
    std::swap(bytes_, taken.bytes_);
    std::swap(owner_, taken.owner_);
    std::swap(never_reused_, taken.never_reused_);
    return *this;
  }
  ~Slice() = default;

  /// Takes foreign memory in: `release` is called exactly once, on whatever thread lets go last,
  /// also if `bytes` is empty. Nobody may change the bytes before that.
  static Slice adopt(std::span<const std::byte> bytes, std::function<void()> release);
  /// The same for memory that `owner` keeps alive.
  static Slice adopt(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) noexcept {
    return Slice(bytes, std::move(owner), false);
  }

  const std::byte* data() const noexcept { return bytes_.data(); }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

  /// A part of it, which shares the memory. `offset` and `length` are cut to what is there.
  Slice subslice(std::size_t offset, std::size_t length = static_cast<std::size_t>(-1)) const&;

  /// True if the memory is pages of its own that munmap(2) gives back: nobody ever writes to them
  /// again, so the kernel may go on reading after the last Slice is gone.
  bool is_never_reused() const noexcept { return never_reused_; }
  const std::shared_ptr<const void>& owner() const noexcept { return owner_; }

 private:
  friend class Buffer;
  Slice(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
        bool never_reused) noexcept
      : bytes_(bytes), owner_(std::move(owner)), never_reused_(never_reused) {}

  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  bool never_reused_ = false;
};

/// Memory with one owner, who may write to it. Move-only.
class Buffer {
 public:
  /// No bytes; nor has one that was moved from.
  Buffer() noexcept = default;
  /// From the heap; not initialised. Errors: ENOMEM.
  static Result<Buffer> allocate(std::size_t size);
  /// Whole pages of its own from mmap(2), zeroed, given back by munmap(2). Only such memory may be
  /// given to vmsplice(2), and only such memory can be let go while the kernel still reads it.
  /// Errors: ENOMEM.
  static Result<Buffer> pages(std::size_t size);

  Buffer(Buffer&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})),
        owner_(std::move(other.owner_)),
        never_reused_(std::exchange(other.never_reused_, false)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer taken(std::move(other));
    std::swap(bytes_, taken.bytes_);
    std::swap(owner_, taken.owner_);
    std::swap(never_reused_, taken.never_reused_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() = default;

  std::byte* data() const noexcept { return bytes_.data(); }
  std::size_t size() const noexcept { return bytes_.size(); }
  std::span<std::byte> bytes() const noexcept { return bytes_; }

  /// Gives up the right to write: its first `length` bytes as a Slice. Nothing is copied.
  Slice freeze(std::size_t length) &&;
  Slice freeze() && { return std::move(*this).freeze(bytes_.size()); }

 private:
  Buffer(std::span<std::byte> bytes, std::shared_ptr<void> owner, bool never_reused) noexcept
      : bytes_(bytes), owner_(std::move(owner)), never_reused_(never_reused) {}

  std::span<std::byte> bytes_;
  std::shared_ptr<void> owner_;
  bool never_reused_ = false;
};

/// Slices in order, seen as one sequence of bytes. Copying one shares the bytes.
class Chain {
 public:
  Chain() noexcept = default;
  Chain(const Chain&) = default;
  Chain& operator=(const Chain&) = default;
  Chain(Chain&& other) noexcept
      : slices_(std::exchange(other.slices_, {})), size_(std::exchange(other.size_, 0)) {}
  Chain& operator=(Chain&& other) noexcept {
    slices_ = std::exchange(other.slices_, {});
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~Chain() = default;

  /// Empty slices are left out.
  void append(Slice slice);
  void prepend(Slice slice);

  std::uint64_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const std::vector<Slice>& slices() const noexcept { return slices_; }

 private:
  std::vector<Slice> slices_;
  std::uint64_t size_ = 0;
};

}  // namespace leat
