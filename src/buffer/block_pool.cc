#include "buffer/block_pool.h"

#include <new>
#include <utility>

#include "os/memory.h"

namespace leat {
namespace {

constexpr std::align_val_t page{4096};

}  // namespace

Block::Block(std::size_t bytes) : size_(bytes) {
  if (bytes >= os::huge_page_bytes) {
    if (const auto pages = os::map_huge_pages(bytes)) {
      memory_ = {pages->data(), Free{pages->size()}};
      return;
    }
  }
  memory_ = {static_cast<std::byte*>(::operator new(bytes, page)), Free{0}};
}

void Block::Free::operator()(std::byte* memory) const noexcept {
  if (mapped_bytes > 0) {
    os::unmap_pages({memory, mapped_bytes});
  } else {
    ::operator delete(memory, page);
  }
}

Block BlockPool::lease(std::size_t bytes) {
  for (Block& block : kept_) {
    if (block.bytes().size() != bytes) continue;
    Block found = std::move(block);
    block = std::move(kept_.back());
    kept_.pop_back();
    return found;
  }
  return Block(bytes);
}

void BlockPool::give_back(Block block) noexcept {
  if (!block.valid()) return;
  if (kept_.capacity() == 0) kept_.reserve(most_kept);
  if (kept_.size() == most_kept) kept_.erase(kept_.begin());
  kept_.push_back(std::move(block));
}

}  // namespace leat
