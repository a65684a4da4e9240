// Goal: bytes live exactly as long as a slice of them does, and say what may be done with them
// (pitfall 41).

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
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

Slice frozen(std::size_t size) { return std::move(*Buffer::allocate(size)).freeze(); }

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
  const Slice whole = Slice::borrow(bytes);
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

TEST(BufferTest, grows_into_its_room_and_never_moves) {
  Buffer buffer = *Buffer::allocate(5, {.head = 3, .tail = 4});
  std::ranges::copy(std::as_bytes(std::span("hello", 5)), buffer.data());
  const std::byte* const hello = buffer.data();
  EXPECT_EQ(buffer.capacity(), 12u);
  EXPECT_EQ(buffer.headroom(), 3u);
  EXPECT_EQ(buffer.tailroom(), 4u);
  EXPECT_TRUE(buffer.grow_front(4).empty());
  EXPECT_TRUE(buffer.grow_back(5).empty());
  EXPECT_EQ(buffer.size(), 5u);
  std::ranges::copy(std::as_bytes(std::span("<", 1)), buffer.grow_front(1).data());
  std::ranges::copy(std::as_bytes(std::span(">!!", 3)), buffer.grow_back(3).data());
  buffer.trim_back(2);
  EXPECT_EQ(buffer.headroom(), 2u);
  EXPECT_EQ(buffer.tailroom(), 3u);
  EXPECT_EQ(buffer.data() + 1, hello);
  const Slice slice = std::move(buffer).freeze();
  EXPECT_EQ(slice.text(), "<hello>");
  EXPECT_EQ(slice.retained_bytes(), 12u);
}

TEST(BufferTest, trims_what_is_there_and_no_more) {
  Buffer buffer = *Buffer::allocate(5);
  buffer.trim_front(2);
  EXPECT_EQ(buffer.headroom(), 2u);
  buffer.trim_back(100);
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_EQ(buffer.tailroom(), 3u);
  buffer.trim_front(1);
  EXPECT_EQ(buffer.grow_back(3).size(), 3u);
  EXPECT_EQ(buffer.grow_front(2).size(), 2u);
}

TEST(BufferTest, room_that_no_number_holds_is_no_memory) {
  EXPECT_TRUE(Buffer::allocate(SIZE_MAX, {.head = 1}).error().is(ENOMEM));
  EXPECT_TRUE(Buffer::allocate(1, {.tail = SIZE_MAX}).error().is(ENOMEM));
}

TEST(ThawTest, gives_the_buffer_back_to_the_only_one_who_has_it) {
  Buffer buffer = *Buffer::allocate(8, {.head = 2});
  std::byte* const data = buffer.data();
  Slice slice = std::move(buffer).freeze().subslice(1, 5);
  std::optional<Buffer> thawed = std::move(slice).try_thaw();
  ASSERT_TRUE(thawed);
  EXPECT_EQ(thawed->data(), data + 1);
  EXPECT_EQ(thawed->size(), 5u);
  EXPECT_EQ(thawed->headroom(), 3u);
  EXPECT_EQ(thawed->tailroom(), 2u);
  EXPECT_TRUE(slice.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(ThawTest, leaves_what_others_have_as_it_is) {
  Slice slice = frozen(8);
  {
    const Slice other = slice.subslice(7);
    EXPECT_FALSE(std::move(slice).try_thaw());
    EXPECT_EQ(slice.size(), 8u);  // NOLINT(bugprone-use-after-move)
  }
  EXPECT_TRUE(std::move(slice).try_thaw());
}

// vmsplice(2) tells nobody when the pages of the latter are read; the others are not ours.
TEST(ThawTest, refuses_what_the_kernel_may_still_read_and_what_is_foreign) {
  EXPECT_FALSE(std::move(*Buffer::pages(8)).freeze().try_thaw());
  EXPECT_FALSE(Slice::adopt(std::string(100, 'x')).try_thaw());
  EXPECT_FALSE(Slice::borrow("x").try_thaw());
  EXPECT_FALSE(Slice().try_thaw());
}

// Under the thread sanitizer: whoever lets go has read before the thawed bytes change.
TEST(ThawTest, waits_for_no_reader_and_races_with_none) {
  for (int round = 0; round < 50; ++round) {
    Buffer empty = *Buffer::allocate(64);
    std::ranges::fill(empty.bytes(), std::byte{1});
    Slice slice = std::move(empty).freeze();
    std::atomic<int> sum = 0;
    std::vector<std::jthread> readers;
    for (int i = 0; i < 2; ++i) {
      readers.emplace_back([mine = slice, &sum]() mutable {
        for (int part = 0; part < 100; ++part) {
          const Slice shared = mine.subslice(static_cast<std::size_t>(part) % 64);
          sum += static_cast<int>(shared.size() > 0 && shared.bytes()[0] == std::byte{1});
        }
        mine = Slice();
      });
    }
    std::optional<Buffer> buffer;
    while (!buffer) buffer = std::move(slice).try_thaw();
    std::ranges::fill(buffer->bytes(), std::byte{2});
  }
}

TEST(ThawTest, refuses_bytes_that_are_not_in_the_memory_that_is_kept) {
  std::array<std::byte, 4> others{};
  Slice heap = frozen(8);
  Slice foreign = Slice::adopt(others, heap.keeper());
  heap = Slice();
  EXPECT_FALSE(std::move(foreign).try_thaw());
}

TEST(AdoptTest, without_an_owner_nothing_is_kept) {
  const std::array<std::byte, 4> bytes{};
  EXPECT_FALSE(Slice::adopt(bytes, std::shared_ptr<const void>()).keeper());
}

TEST(AdoptTest, memory_with_a_count_of_its_own_says_what_may_be_done_with_it) {
  struct Mine : Keeper::Count {
    Mine() : Count([](Count& count) noexcept { ++static_cast<Mine&>(count).ends; }) {}
    int ends = 0;
  } mine;
  const std::array<std::byte, 100> all{};
  mine.memory = all;
  mine.never_reused = true;
  {
    const Slice slice = Slice::adopt(std::span(all).first(10), Keeper(mine));
    EXPECT_TRUE(slice.is_never_reused());
    EXPECT_EQ(slice.retained_bytes(), 100u);
    EXPECT_EQ(mine.ends, 0);
  }
  EXPECT_EQ(mine.ends, 1);
}

// Its release finds the slice as it will be.
TEST(AdoptTest, a_release_may_assign_to_the_slice_that_let_go) {
  int releases = 0;
  Slice slice;
  slice = Slice::adopt({}, [&] {
    ++releases;
    slice = Slice::borrow("late");
  });
  slice = Slice::borrow("new");
  EXPECT_EQ(releases, 1);
  EXPECT_EQ(slice.text(), "late");
}

TEST(BufferTest, is_aligned_as_memory_of_malloc_is) {
  const Buffer buffer = *Buffer::allocate(100);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % alignof(std::max_align_t), 0u);
}

TEST(AdoptTest, a_string_or_a_vector_is_taken_over_whole) {
  std::string text(1000, 'x');
  const void* const characters = text.data();
  const Slice of_text = Slice::adopt(std::move(text));
  EXPECT_EQ(of_text.data(), characters);
  EXPECT_EQ(of_text.size(), 1000u);
  EXPECT_GE(of_text.retained_bytes(), 1000u);
  std::vector<std::uint32_t> numbers{1, 2, 3};
  numbers.reserve(100);
  const void* const values = numbers.data();
  const Slice of_numbers = Slice::adopt(std::move(numbers));
  EXPECT_EQ(of_numbers.data(), values);
  EXPECT_EQ(of_numbers.size(), 12u);
  EXPECT_EQ(of_numbers.retained_bytes(), 400u);
}

// Pitfall 40.
TEST(SliceTest, shows_how_much_memory_a_few_bytes_keep) {
  const Slice small = frozen(1 << 20).subslice(77, 3);
  EXPECT_EQ(small.size(), 3u);
  EXPECT_EQ(small.retained_bytes(), 1u << 20);
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
