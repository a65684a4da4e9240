// Reading a file that others wait for, where nobody can see what of it is in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <leat/keeper.h>

#include "mechanism/mechanism.h"

namespace leat {

/// Bytes pass through a block: what preadv2(2) has without waiting, else what somebody else read.
/// They count as taken when they are delivered, so that there is nothing to give up.
class PatientRead {
 public:
  explicit PatientRead(std::size_t block_bytes) : block_bytes_(block_bytes) {}

  Moved step(const Passage& passage, const Allowance& allowance);
  void surrender(Resources& resources);
  bool runnable() const { return reading_ && reading_->has_result(); }

 private:
  std::optional<Moved> fill(const Passage& passage, const Allowance& allowance,
                            std::uint64_t position);
  std::optional<Moved> take_answer(Resources& resources);
  Moved begin(const Passage& passage, std::uint64_t position, std::uint64_t wanted);
  Moved deliver(const Passage& passage, const Allowance& allowance);

  std::size_t block_bytes_;
  Block block_;
  std::size_t begin_ = 0;  // what it holds
  std::size_t end_ = 0;
  os::RingOperation* reading_ = nullptr;
  Kept<Block> lent_;        // to `reading_`, in place of block_
  bool asks_first_ = true;  // until the file system says that it cannot tell
  unsigned tries_ = 0;
};

}  // namespace leat
