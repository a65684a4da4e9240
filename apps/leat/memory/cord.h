/// Abseil's Cord, if it was built.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "memory/cord_operations.h"
#include "memory/side_by_side.h"

namespace leat::app::memory {

/// Cords of some pieces of memory. Copying it shares them.
class CordPeer {
 public:
  /// Of `memory`, which outlives it, in pieces of `piece_bytes`, to be split into `part_bytes`. The
  /// error is a line that says why there is no Cord here, and what would change that.
  static Expected<CordPeer> of(std::span<const std::byte> memory, std::size_t piece_bytes,
                               std::size_t part_bytes);

  const CordOperations& operations() const noexcept { return *operations_; }
  void* cords() const noexcept { return cords_.get(); }

 private:
  CordPeer(const CordOperations* operations, std::shared_ptr<void> cords) noexcept
      : operations_(operations), cords_(std::move(cords)) {}

  const CordOperations* operations_;
  std::shared_ptr<void> cords_;
};

}  // namespace leat::app::memory
