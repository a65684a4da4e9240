// What the tests of direct_io share: files on the disk, and what is of them in the page cache.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "os/direct.h"
#include "os/ring.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pattern.h"

namespace leat::testing::direct {

inline constexpr std::uint64_t seed = 11;
inline constexpr std::uint64_t mib = 1 << 20;
inline constexpr std::uint64_t size = 13 * mib + 4321;

inline Mechanism direct_io() { return *Mechanism::named("direct_io"); }
inline Options forced() { return {.mechanism = direct_io()}; }

inline bool has_direct_io(FdRef file) {
  const auto facts = os::direct_facts(file);
  return facts && facts->unit != 0 && os::reopen_direct(file, os::Access::write).has_value();
}

inline void write_pattern(FdRef file, std::uint64_t offset, std::uint64_t length) {
  const auto bytes = pattern(seed, 0, length);
  ASSERT_EQ(::pwrite(file.number(), bytes.data(), length, static_cast<off_t>(offset)),
            static_cast<ssize_t>(length));
}

inline std::vector<std::byte> content_at(FdRef file, std::uint64_t offset, std::uint64_t length) {
  std::vector<std::byte> bytes(length);
  const ssize_t count = ::pread(file.number(), bytes.data(), length, static_cast<off_t>(offset));
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return bytes;
}

/// Pages of `file` in the page cache; nothing before Linux 6.5.
inline std::optional<std::uint64_t> cached_pages(FdRef file) {
  struct {
    std::uint64_t offset, length;
  } range{0, 0};
  std::array<std::uint64_t, 5> counts{};
  if (::syscall(451, file.number(), &range, counts.data(), 0) != 0) return std::nullopt;
  return counts[0];
}

inline void drop_cache(FdRef file) {
  ::fsync(file.number());
  ::posix_fadvise(file.number(), 0, 0, POSIX_FADV_DONTNEED);
}

class DirectIo : public GuardedTest {
 protected:
  void SetUp() override {
    if (!has_direct_io(to_)) GTEST_SKIP() << "the file system of /tmp has no direct I/O";
  }
  void TearDown() override { EXPECT_EQ(context_.counters().operations, 0u); }

  Source source(Range range = {}) const { return Source::file(from_.ref(), range); }
  Sink sink(std::uint64_t offset = 0) const { return Sink::file(to_.ref(), offset); }
  Receipt run(Source from, Sink to, std::uint64_t limit = default_step_limit) {
    Transfer transfer = Transfer::start(context_, std::move(from), std::move(to), forced());
    EXPECT_EQ(drive(context_, transfer, limit).trouble, "");
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(inconsistency(receipt), "") << describe(receipt);
    return receipt;
  }
  void expect_whole(const Receipt& receipt, std::uint64_t length = size) {
    EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
    EXPECT_EQ(receipt.delivered, length) << describe(receipt);
    EXPECT_TRUE(moved_by_alone(receipt, direct_io())) << describe(receipt);
    EXPECT_EQ(receipt.stranded, 0u);
  }

  /// Why there is no ring, or empty. Without one direct_io makes the plain calls.
  const std::string_view no_ring_ = os::ring_verdict(os::RingNeed::files);
  const std::string_view read_call_ = no_ring_.empty() ? "ring_read" : "pread";
  const std::string_view write_call_ = no_ring_.empty() ? "ring_write" : "pwrite";
  Context context_ = make_context();
  OwnedFd from_ = pattern_file(seed, size);
  OwnedFd to_ = file_with({});
};

}  // namespace leat::testing::direct
