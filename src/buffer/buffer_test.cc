// Goal: bytes live exactly as long as a slice of them does, and say what may be done with them
// (pitfall 41).

#include <array>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>

#include "support/seam.h"

namespace leat::testing {
namespace {

Slice counted(std::span<const std::byte> bytes, int& releases) {
  return Slice::adopt(bytes, [&releases] { ++releases; });
}

TEST(SliceTest, is_released_once_by_the_last_to_let_go) {
  const std::array<std::byte, 10> bytes{};
  int releases = 0;
  {
    Slice whole = counted(bytes, releases);
    const Slice part = whole.subslice(2, 3);
    const Slice copy = part;
    whole = Slice();
    EXPECT_EQ(releases, 0);
    EXPECT_EQ(copy.data(), bytes.data() + 2);
    EXPECT_EQ(copy.size(), 3u);
  }
  EXPECT_EQ(releases, 1);
}

TEST(SliceTest, an_empty_one_is_released_too) {
  int releases = 0;
  {
    const Slice slice = counted({}, releases);
  }
  EXPECT_EQ(releases, 1);
  const std::array<std::byte, 4> bytes{};
  {
    const Slice nothing_left = counted(bytes, releases).subslice(4);
  }
  EXPECT_EQ(releases, 2);
}

TEST(SliceTest, a_part_is_cut_to_what_is_there) {
  const std::array<std::byte, 10> bytes{};
  const Slice whole = Slice::adopt(bytes, std::shared_ptr<const void>());
  EXPECT_EQ(whole.subslice(7, 100).size(), 3u);
  EXPECT_EQ(whole.subslice(10).size(), 0u);
  EXPECT_EQ(whole.subslice(11, 1).size(), 0u);
  EXPECT_EQ(whole.subslice(0, 0).size(), 0u);
}

TEST(SliceTest, may_be_let_go_on_another_thread) {
  const std::array<std::byte, 4> bytes{};
  int releases = 0;
  Slice slice = counted(bytes, releases);
  std::jthread([other = std::move(slice)]() mutable { other = Slice(); }).join();
  EXPECT_EQ(releases, 1);
}

// A view into a vector that grows would dangle; a slice of what a buffer froze cannot.
TEST(BufferTest, nobody_can_write_once_it_is_frozen) {
  for (const bool pages : {false, true}) {
    Buffer buffer = std::move(*(pages ? Buffer::pages(100) : Buffer::allocate(100)));
    ASSERT_EQ(buffer.size(), 100u);
    buffer.bytes()[7] = std::byte{42};
    const std::byte* const data = buffer.data();
    const Slice slice = std::move(buffer).freeze(8);
    EXPECT_EQ(buffer.size(), 0u);
    EXPECT_EQ(slice.data(), data) << "copied";
    EXPECT_EQ(slice.size(), 8u);
    EXPECT_EQ(slice.bytes()[7], std::byte{42});
    EXPECT_EQ(slice.is_never_reused(), pages);
    EXPECT_EQ(slice.subslice(1).is_never_reused(), pages);
  }
}

TEST(BufferTest, may_be_empty) {
  for (const bool pages : {false, true}) {
    const Slice slice = std::move(*(pages ? Buffer::pages(0) : Buffer::allocate(0))).freeze();
    EXPECT_TRUE(slice.empty());
  }
  EXPECT_TRUE(Buffer().bytes().empty());
}

TEST(BufferTest, no_memory_is_a_value) {
  EXPECT_TRUE(Buffer::pages(SIZE_MAX - 4096).error().is(ENOMEM));
  const ScopedFaults faults({{.call = "mmap", .error_number = ENOMEM}});
  EXPECT_TRUE(Buffer::pages(1).error().is(ENOMEM));
}

TEST(ChainTest, is_its_slices_in_order) {
  const std::string_view text = "header body trailer";
  const Slice whole = Slice::adopt(std::as_bytes(std::span(text)), std::shared_ptr<const void>());
  Chain chain;
  chain.append(whole.subslice(7, 4));
  chain.append(Slice());
  chain.append(whole.subslice(12));
  chain.prepend(whole.subslice(0, 6));
  EXPECT_EQ(chain.size(), 17u);
  ASSERT_EQ(chain.slices().size(), 3u);
  EXPECT_EQ(chain.slices()[0].data(), whole.data());
  EXPECT_EQ(chain.slices()[1].size(), 4u);
  EXPECT_EQ(chain.slices()[2].size(), 7u);
}

// Else they would show memory that somebody else owns by now, and may have freed.
TEST(BufferTest, nothing_is_left_in_what_was_moved_from) {
  // NOLINTBEGIN(bugprone-use-after-move): that is what it is about
  Buffer buffer = *Buffer::pages(100);
  Buffer other = std::move(buffer);
  EXPECT_EQ(buffer.size(), 0u);
  Slice slice = std::move(other).freeze();
  EXPECT_EQ(other.size(), 0u);
  Slice taken = std::move(slice);
  EXPECT_TRUE(slice.empty());
  EXPECT_FALSE(slice.is_never_reused());
  EXPECT_TRUE(taken.is_never_reused());
  slice = std::move(taken);
  EXPECT_TRUE(taken.empty());
  EXPECT_EQ(slice.size(), 100u);
  Chain chain;
  chain.append(std::move(slice));
  Chain moved = std::move(chain);
  EXPECT_TRUE(chain.empty());
  chain.append(Slice());
  EXPECT_EQ(chain.size(), 0u);
  chain = std::move(moved);
  EXPECT_TRUE(moved.empty());
  EXPECT_EQ(chain.size(), 100u);
  // NOLINTEND(bugprone-use-after-move)
}

}  // namespace
}  // namespace leat::testing
