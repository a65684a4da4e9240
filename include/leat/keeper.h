/// What keeps memory alive that several share.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <utility>

namespace leat {

/// Keeps memory together with others: it is given back when the last of them is gone, on whatever
/// thread that is. Copying one is one atomic addition, and allocates nothing. Each one belongs to
/// one thread.
class Keeper {
 public:
  /// What they have in common. Lives in the memory that is kept, or beside it.
  struct Count {
    using End = void (*)(Count& count) noexcept;

    explicit Count(End when_last) noexcept : end(when_last) {}
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
    ~Count() = default;

    void add() noexcept { keepers.fetch_add(1, std::memory_order_relaxed); }
    /// True for the last one.
    bool drop() noexcept { return keepers.fetch_sub(1, std::memory_order_acq_rel) == 1; }

    End end;                              ///< gives the memory back
    std::span<const std::byte> memory{};  ///< all of it
    bool never_reused = false;            ///< pages of its own that munmap(2) gives back
    bool thaws = false;                   ///< who alone holds it may write to it
    std::atomic<std::size_t> keepers = 1;
  };

  /// Keeps nothing; nor does one that was moved from.
  Keeper() noexcept = default;
  /// The first one.
  explicit Keeper(Count& count) noexcept : count_(&count) {}
  Keeper(const Keeper& other) noexcept : count_(other.count_) {
    if (count_) count_->add();
  }
  Keeper(Keeper&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Keeper& operator=(Keeper other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~Keeper() {
    if (count_ && count_->drop()) count_->end(*count_);
  }

  explicit operator bool() const noexcept { return count_ != nullptr; }
  bool operator==(const Keeper&) const noexcept = default;

  /// True if nobody else has one, after which all that they did with the memory has happened.
  bool is_alone() const noexcept {
    return count_ && count_->keepers.load(std::memory_order_acquire) == 1;
  }
  std::span<const std::byte> memory() const noexcept {
    return count_ ? count_->memory : std::span<const std::byte>();
  }
  bool is_never_reused() const noexcept { return count_ && count_->never_reused; }
  bool thaws() const noexcept { return count_ && count_->thaws; }
  /// Null if it keeps nothing.
  Count* count() const noexcept { return count_; }

 private:
  Count* count_ = nullptr;
};

/// A value that lives as long as one keeper of it does. One allocation. Copies share the value.
template <class T>
class Kept {
 public:
  Kept() noexcept = default;
  template <class... Arguments>
  explicit Kept(std::in_place_t, Arguments&&... arguments)
      : keeper_(*new Held(std::forward<Arguments>(arguments)...)) {}

  explicit operator bool() const noexcept { return static_cast<bool>(keeper_); }
  T* get() const noexcept {
    return keeper_ ? &static_cast<Held*>(keeper_.count())->value : nullptr;
  }
  T& operator*() const noexcept { return *get(); }
  T* operator->() const noexcept { return get(); }

  const Keeper& keeper() const& noexcept { return keeper_; }
  Keeper keeper() && noexcept { return std::move(keeper_); }
  /// Says what memory it is that `T` owns.
  void set_memory(std::span<const std::byte> memory) const noexcept {
    keeper_.count()->memory = memory;
  }

 private:
  struct Held : Keeper::Count {
    template <class... Arguments>
    explicit Held(Arguments&&... arguments)
        : Count([](Count& count) noexcept { delete static_cast<Held*>(&count); }),
          value(std::forward<Arguments>(arguments)...) {}
    T value;
  };

  Keeper keeper_;
};

}  // namespace leat
