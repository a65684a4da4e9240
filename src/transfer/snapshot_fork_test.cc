// Goal: the peer gets the memory as it was at the fork, whatever is written meanwhile, and of it
// only what was written was copied. Method: write a tenth of the pages after the fork; compare
// bytes and count pages.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include <leat/snapshot_fork.h>

#include "support/guards.h"
#include "support/pattern.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 9;
constexpr std::size_t page = 4096;
constexpr std::size_t pages = 1000;

class SnapshotForkTest : public GuardedTest {
 protected:
  Pair pair_ = make_unix_pair();
  Buffer memory_ = *Buffer::pages(pages * page);

  void SetUp() override {
    ::madvise(memory_.data(), memory_.size(), MADV_NOHUGEPAGE);
    fill_pattern(seed, 0, memory_.bytes());
  }
};

TEST_F(SnapshotForkTest, sends_what_was_there_and_copies_what_is_written) {
  set_blocking(pair_.from, Blocking::yes);
  auto snapshot = snapshot_fork(memory_.bytes(), Sink::socket(std::move(pair_.to)),
                                {.at_end = AtEnd::shutdown_write});
  ASSERT_TRUE(snapshot) << snapshot.error().message();
  // The socket holds far less than all, so the child is still at it.
  for (std::size_t i = 0; i < pages; i += 10) memory_.data()[i * page] = std::byte{0};
  Drainer drainer(std::move(pair_.from), {.seed = seed});
  const auto report = snapshot->finish();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->ending, Ending::complete);
  EXPECT_EQ(report->delivered, pages * page);
  EXPECT_TRUE(report->mechanism);
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), pages * page);
  EXPECT_GE(report->copied_bytes, pages / 10 * page);
  EXPECT_LE(report->copied_bytes, (pages / 10 + 20) * page);
}

TEST_F(SnapshotForkTest, what_goes_wrong_in_the_child_is_told) {
  pair_.from.reset();
  auto snapshot = snapshot_fork(memory_.bytes(), Sink::socket(std::move(pair_.to)));
  ASSERT_TRUE(snapshot);
  const auto report = snapshot->finish();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->ending, Ending::failed);
  EXPECT_EQ(report->error, std::errc::broken_pipe);
}

TEST_F(SnapshotForkTest, given_up_it_ends_the_child) {
  auto snapshot = snapshot_fork(memory_.bytes(), Sink::socket(pair_.to.ref()));
  ASSERT_TRUE(snapshot);
  {
    const SnapshotFork ended = std::move(*snapshot);
  }
}

TEST_F(SnapshotForkTest, a_child_that_dies_is_told) {
  auto snapshot = snapshot_fork(memory_.bytes(), Sink::socket(pair_.to.ref()),
                                {.progress = [](const Step&) { ::_exit(7); }});
  ASSERT_TRUE(snapshot);
  const auto report = snapshot->finish();
  ASSERT_FALSE(report);
  EXPECT_TRUE(report.error().is(ECHILD));
  EXPECT_NE(report.error().hint.find("7"), std::string::npos) << report.error().hint;
  EXPECT_TRUE(snapshot->finish().error().is(ECHILD)) << "and waits for no other child";
}

TEST_F(SnapshotForkTest, no_fork_is_an_error) {
  const ScopedFaults faults({{.call = "fork", .error_number = EAGAIN}});
  EXPECT_TRUE(snapshot_fork(memory_.bytes(), Sink::socket(pair_.to.ref())).error().is(EAGAIN));
}

}  // namespace
}  // namespace leat::testing
