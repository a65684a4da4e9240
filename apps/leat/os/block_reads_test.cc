// Goal: every way to read blocks gives the same bytes, or an error that says why it gives none.

#include "os/block_reads.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/payload_file.h"

namespace leat::app::os {
namespace {

constexpr std::size_t block_bytes = 4096;

/// 33 blocks and a bit, no two alike.
std::vector<std::byte> some_bytes() {
  std::vector<std::byte> bytes(33 * block_bytes + 512);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<std::byte>(at * 31 + at / block_bytes);
  }
  return bytes;
}

OwnedFd file_of(const std::vector<std::byte>& bytes) {
  auto file = nameless_file("/var/tmp");
  EXPECT_TRUE(file) << file.error().message();
  const auto written = write_at_start(*file, bytes);
  EXPECT_TRUE(written) << written.error().message();
  return file ? std::move(*file) : OwnedFd();
}

TEST(BlockReads, ReadExactlyGivesAllOrAnError) {
  const auto bytes = some_bytes();
  const OwnedFd file = file_of(bytes);
  std::vector<std::byte> into(bytes.size() - 1);
  ASSERT_TRUE(read_exactly(file, 1, into));
  EXPECT_TRUE(std::equal(into.begin(), into.end(), bytes.begin() + 1));
  const auto beyond = read_exactly(file, 2, into);
  ASSERT_FALSE(beyond);
  EXPECT_TRUE(beyond.error().is(EIO));
  EXPECT_TRUE(read_exactly(file, 0, {}));
}

TEST(BlockReads, ReadingInBlocksBringsAllOfItIntoThePageCache) {
  const auto bytes = some_bytes();
  const OwnedFd file = file_of(bytes);
  ASSERT_TRUE(drop_cached(file));
  ASSERT_TRUE(read_in_blocks(file, 1000));
  const auto resident = resident_bytes(file, bytes.size());
  ASSERT_TRUE(resident);
  EXPECT_EQ(*resident, bytes.size());
}

TEST(RingReads, ShowsEveryBlockOnceWhateverComesFirst) {
  const auto bytes = some_bytes();
  const OwnedFd file = file_of(bytes);
  auto ring = RingReads::create(file, block_bytes);
  if (!ring) GTEST_SKIP() << ring.error().message();
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t at = 0; at < bytes.size(); at += block_bytes) offsets.push_back(at);
  ASSERT_GT(offsets.size(), RingReads::depth);
  for (const std::size_t count : {offsets.size(), std::size_t{3}, std::size_t{0}}) {
    std::vector<std::vector<std::byte>> seen;
    const auto read = ring->read(
        std::span(offsets).first(count), bytes.size(),
        [&](std::span<const std::byte> block) { seen.emplace_back(block.begin(), block.end()); });
    ASSERT_TRUE(read) << read.error().message();
    ASSERT_EQ(seen.size(), count);
    for (const std::uint64_t offset : std::span(offsets).first(count)) {
      const auto end = std::min<std::size_t>(offset + block_bytes, bytes.size());
      const std::vector<std::byte> block(bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                                         bytes.begin() + static_cast<std::ptrdiff_t>(end));
      EXPECT_EQ(std::count(seen.begin(), seen.end(), block), 1) << offset;
    }
  }
}

TEST(RingReads, ABlockBeyondTheEndIsAnError) {
  const OwnedFd file = file_of(some_bytes());
  auto ring = RingReads::create(file, block_bytes);
  if (!ring) GTEST_SKIP() << ring.error().message();
  const std::vector<std::uint64_t> offsets{0, 100 * block_bytes};
  const auto read = ring->read(offsets, 200 * block_bytes, [](std::span<const std::byte>) {});
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().is(EIO)) << read.error().message();
}

TEST(Direct, IsTheSameFileOrARefusal) {
  const auto bytes = some_bytes();
  const OwnedFd file = file_of(bytes);
  ASSERT_TRUE(flush(file));
  const auto direct = reopen_direct(file);
  if (!direct) GTEST_SKIP() << direct.error().message();
  alignas(block_bytes) static std::byte into[block_bytes];
  ASSERT_TRUE(read_exactly(*direct, block_bytes, into));
  EXPECT_EQ(std::memcmp(into, bytes.data() + block_bytes, block_bytes), 0);
}

}  // namespace
}  // namespace leat::app::os
