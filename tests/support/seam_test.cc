// The seam itself: it comes between, it counts, and it never invents a byte.

#include "support/seam.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <thread>

#include <gtest/gtest.h>

#include "support/filter.h"
#include "support/guards.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class Seam : public GuardedTest {
 protected:
  Pair pipe_ = make_pipe_pair(Blocking::yes);
  std::array<char, 8> bytes_{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'};

  ssize_t put() { return ::write(pipe_.to.number(), bytes_.data(), bytes_.size()); }
};

TEST_F(Seam, injects_at_the_place_asked_for) {
  const ScopedFaults faults({{.call = "write", .first = 2, .times = 2, .error_number = ENOSPC}});
  EXPECT_EQ(put(), 8);
  for (int i = 0; i < 2; ++i) {
    errno = 0;
    EXPECT_EQ(put(), -1);
    EXPECT_EQ(errno, ENOSPC);
  }
  EXPECT_EQ(put(), 8);
  EXPECT_EQ(faults.seen("write"), 4u);
  EXPECT_EQ(faults.fired(), 2u);
}

TEST_F(Seam, shortens_what_the_kernel_is_asked_for) {
  const ScopedFaults faults({{.times = always, .shorten_to = 3}});
  EXPECT_EQ(put(), 3);
  std::array<iovec, 2> list{iovec{bytes_.data(), 2}, iovec{bytes_.data() + 2, 6}};
  EXPECT_EQ(::writev(pipe_.to.number(), list.data(), 2), 3);
  std::array<char, 16> got{};
  EXPECT_EQ(::read(pipe_.from.number(), got.data(), got.size()), 3);
  EXPECT_EQ(std::string_view(got.data(), 3), "abc");
  EXPECT_EQ(::read(pipe_.from.number(), got.data(), got.size()), 3);
  EXPECT_EQ(std::string_view(got.data(), 3), "abc");
}

TEST_F(Seam, what_passes_the_page_cache_by_is_cut_to_blocks) {
  const Folder folder;
  const OwnedFd file(
      ::open(folder.file("x").c_str(), O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0600));
  if (!file.valid()) GTEST_SKIP() << "/tmp has no direct I/O";
  alignas(4096) std::array<std::byte, 16384> blocks{};
  const auto put_at_most = [&](std::size_t at_most) {
    const ScopedFaults faults({{.call = "pwrite", .shorten_to = at_most}});
    return ::pwrite(file.number(), blocks.data(), blocks.size(), 0);
  };
  const auto get_at_most = [&](std::size_t at_most) {
    const ScopedFaults faults({{.call = "pread", .shorten_to = at_most}});
    return ::pread(file.number(), blocks.data(), blocks.size(), 0);
  };
  EXPECT_EQ(put_at_most(20'000), 16384);
  EXPECT_EQ(put_at_most(8193), 8192);
  EXPECT_EQ(put_at_most(1), 4096);
  EXPECT_EQ(get_at_most(8193), 8192);
  EXPECT_EQ(get_at_most(1), 4096);
  ASSERT_EQ(::fcntl(file.number(), F_SETFL, 0), 0);
  EXPECT_EQ(put_at_most(8193), 8193);
  EXPECT_EQ(get_at_most(1), 1);
}

TEST_F(Seam, is_of_one_thread) {
  const ScopedFaults faults({{.call = "write", .times = always, .error_number = EIO}});
  ssize_t elsewhere = 0;
  std::thread([&] { elsewhere = put(); }).join();
  EXPECT_EQ(elsewhere, 8);
  EXPECT_EQ(put(), -1);
}

TEST_F(Seam, runs_what_shall_come_before) {
  int calls = 0;
  const ScopedFaults faults({{.call = "write", .before = [&] { calls += put() == 8 ? 1 : 0; }}});
  EXPECT_EQ(put(), 8);
  EXPECT_EQ(put(), 8);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(faults.seen("write"), 2u);
}

TEST_F(Seam, passes_on_what_variadic_calls_are_given) {
  const Folder folder;
  const int number = ::open(folder.file("x").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0640);
  ASSERT_GE(number, 0);
  EXPECT_EQ(::fcntl(number, F_SETFL, O_APPEND), 0);
  EXPECT_NE(::fcntl(number, F_GETFL) & O_APPEND, 0);
  ::close(number);
}

TEST_F(Seam, filters_refuse_on_one_thread_only) {
  if (const std::string why = filters_unavailable(); !why.empty()) GTEST_SKIP() << why;
  ssize_t there = 0;
  int error_number = 0;
  on_own_thread([&] {
    refuse_calls({"write"}, EPERM);
    there = put();
    error_number = errno;
  });
  EXPECT_EQ(there, -1);
  EXPECT_EQ(error_number, EPERM);
  EXPECT_EQ(put(), 8);
}

TEST(Pattern, shows_lost_doubled_and_misplaced_bytes) {
  const auto bytes = pattern(1, 100, 5000);
  const std::span<const std::byte> all = bytes;
  StreamCheck right(1, 100);
  right.add(all.first(1234));
  right.add(all.subspan(1234));
  EXPECT_EQ(right.mismatch(), "");
  EXPECT_EQ(right.digest(), pattern_digest(1, 100, 5000));
  StreamCheck lost(1, 100);
  lost.add(all.first(1000));
  lost.add(all.subspan(1001));
  EXPECT_NE(lost.mismatch(), "");
  StreamCheck doubled(1, 100);
  doubled.add(all.first(1000));
  doubled.add(all.subspan(999));
  EXPECT_NE(doubled.mismatch(), "");
  StreamCheck misplaced(1, 101);
  misplaced.add(all);
  EXPECT_NE(misplaced.mismatch(), "");
}

TEST(Census, finds_a_leak) {
  const Census before = open_descriptors();
  const Pair pair = make_pipe_pair();
  EXPECT_NE(leaked_since(before), "");
}

}  // namespace
}  // namespace leat::testing
