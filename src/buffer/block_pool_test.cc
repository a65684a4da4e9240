// Goal: blocks are page-aligned, come back, and a pool keeps only a few.

#include "buffer/block_pool.h"

#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/seam.h"

namespace leat::testing {
namespace {

const void* address_of(const Block& block) { return block.bytes().data(); }

/// The address of the block that the pool lends. If the pool had freed what it was given, the
/// allocator would give that memory to somebody else first.
const void* lent_address(BlockPool& pool, std::size_t bytes) {
  const Block somebody_elses(bytes);
  return address_of(pool.lease(bytes));
}

TEST(BlockPoolTest, a_block_is_page_aligned_and_as_large_as_asked_for) {
  BlockPool pool;
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4097}, std::size_t{256} << 10}) {
    const Block block = pool.lease(bytes);
    ASSERT_TRUE(block.valid());
    EXPECT_EQ(block.bytes().size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address_of(block)) % 4096, 0u);
  }
}

TEST(BlockPoolTest, a_large_block_lies_in_huge_pages_of_its_own) {
  const std::size_t bytes = (4u << 20) + 1;
  Block block(bytes);
  ASSERT_EQ(block.bytes().size(), bytes);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address_of(block)) % (2u << 20), 0u);
  block.bytes().front() = block.bytes().back() = std::byte{1};
}

TEST(BlockPoolTest, a_large_block_is_to_be_had_without_mappings_too) {
  const ScopedFaults faults({{.call = "mmap", .error_number = ENOMEM}});
  Block block(4u << 20);
  ASSERT_TRUE(block.valid());
  block.bytes().front() = block.bytes().back() = std::byte{1};
}

TEST(BlockPoolTest, what_is_given_back_is_lent_again) {
  BlockPool pool;
  Block block = pool.lease(8192);
  const void* address = address_of(block);
  pool.give_back(std::move(block));
  EXPECT_EQ(lent_address(pool, 8192), address);
}

TEST(BlockPoolTest, another_size_is_another_block) {
  BlockPool pool;
  pool.give_back(pool.lease(8192));
  EXPECT_EQ(pool.lease(4096).bytes().size(), 4096u);
}

TEST(BlockPoolTest, the_right_one_of_several_is_found) {
  BlockPool pool;
  std::vector<Block> blocks;
  for (const std::size_t bytes : {4096, 8192, 12288}) blocks.push_back(pool.lease(bytes));
  const void* second = address_of(blocks[1]);
  for (Block& block : blocks) pool.give_back(std::move(block));
  EXPECT_EQ(lent_address(pool, 8192), second);
  EXPECT_EQ(pool.lease(4096).bytes().size(), 4096u);
  EXPECT_EQ(pool.lease(12288).bytes().size(), 12288u);
}

TEST(BlockPoolTest, nothing_is_given_back_harmlessly) {
  BlockPool pool;
  pool.give_back(Block());
  EXPECT_TRUE(pool.lease(4096).valid());
}

// A pool that changed its size must not stay full of the old one.
TEST(BlockPoolTest, the_oldest_makes_room) {
  BlockPool pool;
  std::vector<Block> old;
  for (int i = 0; i < 8; ++i) old.push_back(pool.lease(4096));
  for (Block& block : old) pool.give_back(std::move(block));
  Block fresh = pool.lease(8192);
  const void* address = address_of(fresh);
  pool.give_back(std::move(fresh));
  EXPECT_EQ(lent_address(pool, 8192), address);
}

}  // namespace
}  // namespace leat::testing
