// Goal: holes are found where they are, and only there (pitfall 33). Method: real sparse files.

#include "transfer/holes.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t mega = 1 << 20;
constexpr std::uint64_t seed = 5;
constexpr std::array extents{Extent{mega, 8192}, Extent{3 * mega, 4096}};

class HoleWalkTest : public GuardedTest {
 protected:
  OwnedFd file_ = sparse_file(seed, 5 * mega, extents);
  HoleWalk walk_;
};

TEST_F(HoleWalkTest, does_nothing_until_it_begins) {
  EXPECT_FALSE(walk_.active());
  walk_.begin(file_, true);
  EXPECT_TRUE(walk_.active());
  walk_.end();
  EXPECT_FALSE(walk_.active());
}

TEST_F(HoleWalkTest, tells_holes_and_data_apart) {
  walk_.begin(file_, true);
  EXPECT_EQ(walk_.hole_at(0, to_end), mega);
  EXPECT_EQ(walk_.hole_at(100, 50), 50u) << "no more than the limit";
  EXPECT_EQ(walk_.hole_at(mega, to_end), 0u);
  EXPECT_EQ(walk_.data_left(mega), 8192u);
  EXPECT_EQ(walk_.data_left(mega + 8000), 192u);
  EXPECT_EQ(walk_.hole_at(mega + 8192, to_end), 2 * mega - 8192);
  EXPECT_EQ(walk_.hole_at(3 * mega, to_end), 0u);
  EXPECT_EQ(walk_.hole_at(3 * mega + 4096, to_end), 2 * mega - 4096) << "up to the end of the file";
}

TEST_F(HoleWalkTest, a_borrowed_descriptor_keeps_its_offset) {
  ASSERT_EQ(::lseek(file_.number(), 77, SEEK_SET), 77);
  walk_.begin(file_, false);
  EXPECT_EQ(walk_.hole_at(0, to_end), mega);
  EXPECT_EQ(cursor_of(file_), 77);
}

TEST_F(HoleWalkTest, without_a_descriptor_of_its_own_everything_is_data) {
  const ScopedFaults faults({{.call = "open", .error_number = EACCES}});
  walk_.begin(file_, false);
  EXPECT_FALSE(walk_.active());
}

TEST_F(HoleWalkTest, where_the_file_system_cannot_tell_everything_is_data) {
  const ScopedFaults faults({{.call = "lseek", .times = always, .error_number = EINVAL}});
  walk_.begin(file_, true);
  EXPECT_EQ(walk_.hole_at(0, to_end), 0u);
  EXPECT_EQ(walk_.data_left(0), to_end);
}

// Behind the end there is no hole: the file ended, and reading must find that out.
TEST_F(HoleWalkTest, what_is_behind_the_end_is_no_hole) {
  walk_.begin(file_, true);
  ASSERT_EQ(::ftruncate(file_.number(), static_cast<off_t>(mega + 100)), 0);
  EXPECT_EQ(walk_.hole_at(mega + 100, to_end), 0u);
  EXPECT_GT(walk_.data_left(mega + 100), 0u);
  EXPECT_EQ(walk_.hole_at(2 * mega, to_end), 0u);
}

class Holes : public HoleWalkTest, public ::testing::WithParamInterface<std::string_view> {
 protected:
  Options forced() const { return {.mechanism = *Mechanism::named(GetParam())}; }
};

TEST_P(Holes, stay_holes) {
  const OwnedFd sink = file_with({});
  const Receipt receipt =
      transfer(Source::file(file_.ref()), Sink::file(duplicate(sink)), forced());
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_EQ(receipt.delivered, 5 * mega);
  EXPECT_EQ(receipt.holes, 5 * mega - 8192 - 4096) << describe(receipt);
  EXPECT_EQ(inconsistency(receipt), "") << describe(receipt);
  EXPECT_EQ(content_of(sink), content_of(file_));
  EXPECT_LT(allocated_bytes_of(sink), mega);
}

TEST_P(Holes, stay_holes_in_small_steps) {
  const OwnedFd sink = file_with({});
  Context context = make_context();
  Transfer transfer =
      Transfer::start(context, Source::file(file_.ref()), Sink::file(duplicate(sink)), forced());
  EXPECT_EQ(drive(context, transfer, 5003).trouble, "");
  EXPECT_EQ(transfer.receipt().holes, 5 * mega - 8192 - 4096);
  EXPECT_EQ(content_of(sink), content_of(file_));
}

TEST_P(Holes, are_written_where_something_is_already) {
  const OwnedFd sink = pattern_file(99, 6 * mega);
  const Receipt receipt =
      transfer(Source::file(file_.ref()), Sink::file(duplicate(sink)), forced());
  EXPECT_EQ(receipt.holes, 0u);
  EXPECT_EQ(text_of(sink).substr(0, 5 * mega), text_of(file_));
}

TEST_P(Holes, of_a_range_that_ends_in_one) {
  const OwnedFd sink = file_with({});
  const Receipt receipt = transfer(Source::file(file_.ref(), {mega + 100, mega}),
                                   Sink::file(duplicate(sink)), forced());
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_EQ(size_of(sink), mega) << "the size is set at the end";
  EXPECT_EQ(text_of(sink), text_of(file_).substr(mega + 100, mega));
}

TEST_P(Holes, are_there_if_it_is_stopped_in_one) {
  const OwnedFd sink = file_with({});
  Context context = make_context();
  Transfer transfer =
      Transfer::start(context, Source::file(file_.ref()), Sink::file(duplicate(sink)), forced());
  const Step step = transfer.step(1000);
  EXPECT_EQ(step.delivered, 1000u);
  transfer.cancel();
  EXPECT_EQ(transfer.step().state, State::stopped);
  EXPECT_EQ(size_of(sink), 1000u) << "they were counted as delivered";
}

TEST_P(Holes, are_there_if_it_is_destroyed_in_one) {
  const OwnedFd sink = file_with({});
  Context context = make_context();
  Receipt receipt;
  {
    Transfer transfer =
        Transfer::start(context, Source::file(file_.ref()), Sink::file(duplicate(sink)), forced());
    transfer.step(1000);
    receipt = transfer.receipt();
  }
  EXPECT_EQ(receipt.delivered, 1000u);
  EXPECT_EQ(size_of(sink), receipt.delivered) << "the receipt was the last word";
}

TEST_P(Holes, a_source_that_shrinks_does_not_end_in_one) {
  const OwnedFd sink = file_with({});
  Context context = make_context();
  Transfer transfer =
      Transfer::start(context, Source::file(file_.ref()), Sink::file(duplicate(sink)), forced());
  // Exactly to the end of an extent: what comes behind it has not been looked at yet.
  std::uint64_t delivered = 0;
  while (delivered < mega + 8192) delivered = transfer.step(mega + 8192 - delivered).delivered;
  ASSERT_EQ(::ftruncate(file_.number(), static_cast<off_t>(mega)), 0);
  drive(context, transfer);
  const Receipt receipt = transfer.receipt();
  EXPECT_EQ(receipt.ending, Ending::source_shrank) << describe(receipt);
  EXPECT_EQ(receipt.delivered, mega + 8192);
}

INSTANTIATE_TEST_SUITE_P(by, Holes,
                         ::testing::Values("copy_file_range", "sendfile", "splice", "read_write"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace leat::testing
