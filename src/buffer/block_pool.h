// Page-aligned blocks of memory that transfers borrow and give back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace leat {

/// A block of memory; freed, or given back to a pool, by its owner. Move-only. From the size of a
/// huge page on it lies in those, if the kernel has some: a device then takes it in few long
/// pieces.
class Block {
 public:
  Block() noexcept = default;
  explicit Block(std::size_t bytes);

  bool valid() const noexcept { return memory_ != nullptr; }
  std::span<std::byte> bytes() const noexcept { return {memory_.get(), size_}; }

 private:
  struct Free {
    std::size_t mapped_bytes;  ///< 0: from the heap
    void operator()(std::byte* memory) const noexcept;
  };
  std::unique_ptr<std::byte[], Free> memory_;
  std::size_t size_ = 0;
};

/// Keeps a few blocks of the size used last, so that steady state allocates nothing. One thread.
class BlockPool {
 public:
  Block lease(std::size_t bytes);
  void give_back(Block block) noexcept;

 private:
  static constexpr std::size_t most_kept = 4;
  std::vector<Block> kept_;
};

}  // namespace leat
