// Goal: all ways to look at a file see the same bytes, whatever part of it an operation is.

#include "memory/read_ways.h"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "os/block_reads.h"
#include "os/payload_file.h"

namespace leat::app::memory {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t pages = 37;

std::vector<std::byte> some_bytes() {
  std::vector<std::byte> bytes(pages * page);
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t word = at * 0x9e3779b97f4a7c15u;
    std::memcpy(bytes.data() + at, &word, sizeof word);
  }
  return bytes;
}

class Ways : public testing::Test {
 protected:
  void SetUp() override {
    auto made = os::nameless_file("/var/tmp");
    ASSERT_TRUE(made) << made.error().message();
    file = std::move(*made);
    bytes = some_bytes();
    ASSERT_TRUE(os::write_at_start(file, bytes));
    ASSERT_TRUE(os::flush(file));
    look = {.file = file,
            .direct = {},
            .no_direct = "not asked for",
            .size = bytes.size(),
            .block_bytes = page};
    auto again = os::reopen_direct(file);
    if (!again) return;
    direct = std::move(*again);
    look.direct = direct;
  }

  /// Each that this host has.
  std::vector<Way> all() const {
    std::vector<Way> ways{map_each_time(look, false), map_each_time(look, true)};
    for (auto way :
         {read_into_buffer(look), keep_mapped(look), read_direct(look), read_by_ring(look)}) {
      if (way) ways.push_back(*way);
    }
    return ways;
  }

  OwnedFd file;
  OwnedFd direct;
  std::vector<std::byte> bytes;
  Look look;
};

TEST(Sums, AreOfTheWordsTheySayTheyTouch) {
  const auto bytes = some_bytes();
  std::uint64_t lines = 0;
  std::uint64_t words = 0;
  for (std::uint64_t at = 0; at < bytes.size(); at += 8) {
    words += at * 0x9e3779b97f4a7c15u;
    if (at % 64 == 0) lines += at * 0x9e3779b97f4a7c15u;
  }
  EXPECT_EQ(sum_of_lines(bytes), lines);
  EXPECT_EQ(sum_of_words(bytes), words);
  EXPECT_EQ(sum_of_lines({}), 0u);
}

TEST_F(Ways, SeeAllOfTheFile) {
  ASSERT_GE(all().size(), 4u);
  for (const Way& way : all()) {
    const auto seen = way.run(1);
    ASSERT_TRUE(seen) << way.name << ": " << seen.error();
    EXPECT_EQ(*seen, sum_of_lines(bytes)) << way.name;
  }
}

TEST_F(Ways, SeeAllWordsInBlocksThatDoNotDivideTheFile) {
  look.sum = sum_of_words;
  look.block_bytes = 5 * page;
  for (const Way& way : all()) {
    const auto seen = way.run(1);
    ASSERT_TRUE(seen) << way.name << ": " << seen.error();
    EXPECT_EQ(*seen, sum_of_words(bytes)) << way.name;
  }
}

TEST_F(Ways, AtRandomLookAtTheSameBlocksInTheSameOrder) {
  look.at_random = true;
  for (int turn = 0; turn < 3; ++turn) {
    std::vector<std::uint64_t> offsets;
    Offsets next(look);
    for (int skipped = 0; skipped <= turn; ++skipped) next.add_next(offsets);
    ASSERT_LT(offsets.back(), bytes.size());
    const auto block = std::span<const std::byte>(bytes).subspan(offsets.back(), page);
    for (const Way& way : all()) {
      for (int skipped = 0; skipped < turn; ++skipped) ASSERT_TRUE(way.run(1)) << way.name;
      const auto seen = way.run(1);
      ASSERT_TRUE(seen) << way.name << ": " << seen.error();
      EXPECT_EQ(*seen, sum_of_lines(block)) << way.name << ", turn " << turn;
    }
  }
}

TEST_F(Ways, PastThePageCacheAreRefusedWithTheReason) {
  look.direct = {};
  for (const auto& way : {read_direct(look), read_by_ring(look)}) {
    ASSERT_FALSE(way);
    EXPECT_EQ(way.error(), "not asked for");
  }
}

}  // namespace
}  // namespace leat::app::memory
