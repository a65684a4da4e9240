/// What a transfer says of itself: which mechanism moved how much, which refused, how it ended.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include <leat/error.h>
#include <leat/mechanism.h>

namespace leat {

enum class Ending : std::uint8_t {
  unfinished,     ///< still going on, or something is in flight
  complete,       ///< the length that was asked for
  end_of_source,  ///< no length was asked for, and the source ended
  source_shrank,  ///< the source ended before the length that was asked for or that it had
  deadline,
  cancelled,
  failed,  ///< then `Receipt::error` is set
};

/// "complete", "end_of_source", …
std::string_view name_of(Ending ending) noexcept;

/// How a count of copies is known.
enum class KnownBy : std::uint8_t {
  construction,  ///< it follows from how the call works
  kernel,        ///< the kernel reported it
  pending,       ///< the kernel's verdict is still to come
  unknown,
};

std::string_view name_of(KnownBy known_by) noexcept;

/// What one mechanism did. Trivially copyable.
struct Leg {
  Mechanism mechanism;
  KnownBy known_by = KnownBy::unknown;
  std::uint64_t bytes = 0;  ///< delivered by it
  std::uint64_t calls = 0;  ///< system calls it made to move bytes, also those that moved none
  /// Those of Options::witness among them. Meaningful unless known_by is pending or unknown.
  std::uint64_t cpu_copied_bytes = 0;
  std::uint64_t ticket = 0;  ///< while pending: for Connection::settle
};

/// One mechanism declining while the transfer ran, with one errno; or being denied something that
/// it then went on without (direct_io the ring). With a `count` of 0 it was not tried, for what was
/// learnt in earlier transfers. Trivially copyable.
struct Refusal {
  Mechanism mechanism;
  int error_number = 0;     ///< 0 if no errno was involved
  std::string_view reason;  ///< static storage
  std::uint64_t at = 0;     ///< `delivered` when it first declined
  std::uint64_t count = 0;
};

/// Of this process while the transfer ran; only with Options::measure. See getrusage(2).
struct Usage {
  double wall_s = 0;
  double user_s = 0;
  double system_s = 0;
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t minor_faults = 0;
};

/// A list of trivially copyable values with room for `N` before it uses the heap.
template <class T, std::size_t N>
class InlineList {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  InlineList() noexcept : size_(0) {}
  InlineList(const InlineList& other) : InlineList() { *this = other; }
  InlineList& operator=(const InlineList& other) {
    size_ = other.size_;
    if (size_ > N) {
      spilled_ = std::make_unique<std::vector<T>>(*other.spilled_);
    } else if (this != &other) {
      std::copy_n(other.inline_.data(), size_, inline_.data());
    }
    return *this;
  }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  T* begin() noexcept { return data(); }
  T* end() noexcept { return data() + size_; }
  const T* begin() const noexcept { return data(); }
  const T* end() const noexcept { return data() + size_; }
  T& operator[](std::size_t index) noexcept { return data()[index]; }
  const T& operator[](std::size_t index) const noexcept { return data()[index]; }
  T& back() noexcept { return data()[size_ - 1]; }

  T& push_back(const T& value) {
    if (size_ >= N) [[unlikely]]
      return spill(value);
    Slot& slot = inline_[size_++];
    slot.value = value;
    return slot.value;
  }
  void clear() noexcept { size_ = 0; }

 private:
  // A union member is left alone until it is needed: an empty list costs one store, not N.
  union Slot {
    Slot() noexcept {}
    T value;
  };
  static_assert(std::is_trivially_copyable_v<Slot>);
  static_assert(sizeof(Slot) == sizeof(T));

  [[gnu::noinline]] T& spill(const T& value) {
    if (size_ == N) spilled_ = std::make_unique<std::vector<T>>(begin(), end());
    spilled_->push_back(value);
    ++size_;
    return back();
  }
  T* data() noexcept { return size_ <= N ? &inline_[0].value : spilled_->data(); }
  const T* data() const noexcept { return size_ <= N ? &inline_[0].value : spilled_->data(); }

  std::size_t size_;
  std::array<Slot, N> inline_;
  std::unique_ptr<std::vector<T>> spilled_;  // everything, once there are more than N
};

/// A plain value. Counts are bytes; they are exact whatever ended the transfer.
struct Receipt {
  std::uint64_t delivered = 0;  ///< accepted by the sink, an unbroken prefix
  std::uint64_t stranded = 0;   ///< taken, not delivered, and not to be had again from the source
  std::uint64_t holes = 0;      ///< part of `delivered`: holes kept as holes, moved by no mechanism
  std::uint64_t waits = 0;      ///< times the blocking `transfer` waited, one poll(2) each
  /// With Disk::never_wait: steps that ended as nothing more of the file was in memory.
  std::uint64_t cold_waits = 0;
  std::uint64_t prefetched = 0;  ///< with Disk::never_wait: bytes that were asked for ahead
  std::optional<std::uint64_t> acknowledged;  ///< the peer's side has them, where it can be known
  Ending ending = Ending::unfinished;
  InlineList<Leg, 4> legs;          ///< merged by mechanism, in order of first use
  InlineList<Refusal, 4> refusals;  ///< merged by mechanism and errno
  std::optional<Usage> usage;       ///< only with Options::measure
  std::optional<Error> error;       ///< set exactly if ending is `failed`

  /// True if everything that was asked for arrived at the sink.
  bool ok() const noexcept { return ending == Ending::complete || ending == Ending::end_of_source; }
};

}  // namespace leat
