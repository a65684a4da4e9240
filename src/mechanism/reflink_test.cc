// Goal: reflink shares what can be shared, leaves the rest to others, and says why. Method: tables
// of facts; then btrfs and xfs on loop devices, where FIEMAP tells what is shared, whole transfers,
// a pump stepped by hand, and errnos through the seam.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/plan.h>
#include <leat/transfer.h>

#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/loop_disk.h"
#include "support/pattern.h"
#include "support/pump_bench.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

using Outcome = Moved::Outcome;

constexpr std::uint64_t block = 4096;
constexpr Volume shared_volume{
    .device = 1, .block_bytes = block, .type = 7, .shares_extents = true};
constexpr std::uint64_t ten_blocks = 10 * block;

SourceFacts file_of(std::uint64_t size, std::uint64_t offset = 0, std::uint64_t length = to_end) {
  const std::uint64_t left = length == to_end ? size - offset : length;
  return {.kind = Kind::file,
          .regular = true,
          .true_size = true,
          .promised = left,
          .offset = offset,
          .left = left,
          .size = size,
          .volume = shared_volume};
}
SinkFacts sink_of(std::uint64_t size = 0, std::uint64_t offset = 0) {
  return {
      .kind = Kind::file, .regular = true, .offset = offset, .size = size, .volume = shared_volume};
}

class ReflinkFacts : public GuardedTest {};

TEST_F(ReflinkFacts, say_why_it_does_not_fit) {
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    std::string_view reason;
  };
  SourceFacts block_device = file_of(ten_blocks), proc = block_device, cursor = block_device;
  SourceFacts ext4 = block_device, unasked = block_device;
  block_device.regular = false;
  proc.true_size = false;
  cursor.cursor = true;
  ext4.volume.shares_extents = false;
  unasked.volume = {};
  SinkFacts appending = sink_of(), at_its_cursor = sink_of(), elsewhere = sink_of();
  appending.append = true;
  at_its_cursor.cursor = true;
  elsewhere.volume.device = 2;
  SinkFacts another_kind = sink_of();
  another_kind.volume.type = 8;
  const SourceFacts whole = file_of(ten_blocks);
  for (const Row& row :
       {Row{whole, {.kind = Kind::socket}, "file to file"},
        Row{{.kind = Kind::pipe}, sink_of(), "file to file"},
        Row{block_device, sink_of(), "regular"}, Row{whole, {.kind = Kind::file}, "regular"},
        Row{proc, sink_of(), "size"}, Row{cursor, sink_of(), "own offset"},
        Row{whole, at_its_cursor, "own offset"}, Row{whole, appending, "O_APPEND"},
        Row{ext4, sink_of(), "cannot share"}, Row{unasked, sink_of(), "cannot share"},
        Row{whole, elsewhere, "different file systems"},
        Row{whole, another_kind, "different file systems"},
        Row{file_of(ten_blocks, 1), sink_of(), "multiple"}, Row{whole, sink_of(0, 512), "multiple"},
        Row{file_of(ten_blocks, 0, block - 1), sink_of(), "no whole block"},
        Row{file_of(100), sink_of(101), "no whole block"}}) {
    const Fit fit = fit_of("reflink", row.source, row.sink);
    EXPECT_FALSE(fit.fits) << row.reason;
    EXPECT_TRUE(fit.reason.contains(row.reason)) << fit.reason;
  }
}

TEST_F(ReflinkFacts, say_what_it_leaves_to_others) {
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    bool whole;
  };
  for (const Row& row :
       {Row{file_of(ten_blocks), sink_of(), true}, Row{file_of(ten_blocks + 1), sink_of(), true},
        Row{file_of(1), sink_of(), true},
        Row{file_of(ten_blocks + 1), sink_of(ten_blocks + 1), true},
        Row{file_of(ten_blocks + 1), sink_of(ten_blocks + 2), false},
        Row{file_of(ten_blocks), sink_of(99 * block, 9 * block), true},
        Row{file_of(ten_blocks, block, 2 * block), sink_of(), true},
        Row{file_of(ten_blocks, block, 2 * block + 5), sink_of(), false},
        Row{file_of(ten_blocks + 7, block), sink_of(0, 5 * block), true},
        // It ends early, and then that is its end.
        Row{file_of(ten_blocks + 7, 0, 2 * ten_blocks), sink_of(), true}}) {
    const Fit fit = fit_of("reflink", row.source, row.sink);
    EXPECT_TRUE(fit.fits) << fit.reason;
    EXPECT_EQ(fit.leaves.empty(), row.whole) << row.source.left;
  }
}

TEST_F(ReflinkFacts, subvolumes_may_be_one_file_system) {
  SourceFacts source = file_of(ten_blocks);
  SinkFacts sink = sink_of();
  sink.volume.device = 2;
  source.volume.has_several_devices = sink.volume.has_several_devices = true;
  EXPECT_TRUE(fit_of("reflink", source, sink).fits) << "only the kernel knows";
}

TEST_F(ReflinkFacts, without_a_file_system_that_shares_it_is_not_called) {
  const OwnedFd from = pattern_file(1, 10'000);
  const OwnedFd memory(::memfd_create("leat-test", MFD_CLOEXEC));
  const ScopedFaults faults;
  const Receipt receipt = transfer(Source::file(memory.ref(), {0, 0}), Sink::file(from.ref()));
  EXPECT_TRUE(receipt.ok());
  EXPECT_EQ(faults.seen("ioctl"), 0u);
}

/// Two files on a file system that shares extents.
class Reflink : public GuardedTest, public ::testing::WithParamInterface<std::string_view> {
 protected:
  static constexpr std::uint64_t seed = 5;
  static constexpr std::uint64_t size = 3'000'005;  // its last block is a partial one

  void SetUp() override {
    const std::string type(GetParam());
    if (const std::string why = LoopDisk::unavailable(type); !why.empty()) GTEST_SKIP() << why;
    disk_.emplace(type);
    from_ = file("from", size);
    to_ = disk_->create("to");
  }
  void TearDown() override {
    from_.reset();
    to_.reset();
  }

  OwnedFd file(const std::string& name, std::uint64_t bytes) {
    OwnedFd made = disk_->create(name);
    fill(made, seed, 0, bytes);
    return made;
  }
  static void fill(FdRef file, std::uint64_t with_seed, std::uint64_t offset, std::uint64_t bytes) {
    const auto content = pattern(with_seed, offset, bytes);
    ASSERT_EQ(::pwrite(file.number(), content.data(), bytes, static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes));
  }
  Source source(Range range = {}) { return Source::file(from_.ref(), range); }
  Sink sink(std::uint64_t offset = 0) { return Sink::file(to_.ref(), offset); }
  PumpBench bench() { return {"reflink", source(), sink()}; }

  static Mechanism reflink() { return *Mechanism::named("reflink"); }
  void expect_all_shared(std::uint64_t offset, std::uint64_t length) {
    const ExtentSummary extents = extents_of(to_, offset, length);
    EXPECT_GT(extents.extents, 0u);
    EXPECT_EQ(extents.shared, extents.extents);
    EXPECT_GE(extents.mapped_bytes, length);
  }
  /// That [at, at + length) of the sink is [offset, …) of the source.
  void expect_copied(std::uint64_t offset, std::uint64_t at, std::uint64_t length) {
    std::vector<std::byte> bytes(length);
    ASSERT_EQ(::pread(to_.number(), bytes.data(), length, static_cast<off_t>(at)),
              static_cast<ssize_t>(length));
    EXPECT_EQ(bytes, pattern(seed, offset, length));
  }

  std::optional<LoopDisk> disk_;
  OwnedFd from_;
  OwnedFd to_;
};

TEST_P(Reflink, shares_every_extent_in_one_call) {
  const ScopedFaults faults;
  const Receipt receipt = transfer(source(), sink());
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_TRUE(moved_by_alone(receipt, reflink())) << describe(receipt);
  EXPECT_EQ(receipt.legs[0].calls, 1u);
  EXPECT_EQ(receipt.legs[0].cpu_copied_bytes, 0u);
  EXPECT_EQ(receipt.legs[0].known_by, KnownBy::construction);
  EXPECT_EQ(faults.seen("ioctl"), 1u);
  for (const auto& [call, count] : faults.all_seen()) EXPECT_FALSE(moves_bytes(call)) << call;
  EXPECT_EQ(size_of(to_), size);
  expect_copied(0, 0, size);
  expect_all_shared(0, size);
}

TEST_P(Reflink, a_window_into_the_middle_of_a_longer_file) {
  fill(to_, seed + 1, 0, size);
  const Receipt receipt = transfer(source({block, 100 * block}), sink(3 * block));
  EXPECT_TRUE(moved_by_alone(receipt, reflink())) << describe(receipt);
  expect_copied(block, 3 * block, 100 * block);
  expect_all_shared(3 * block, 100 * block);
  const auto now = content_of(to_);
  const auto before = pattern(seed + 1, 0, size);
  EXPECT_EQ(now.size(), size);
  const auto is_as_before = [&](std::uint64_t from, std::uint64_t to) {
    return std::ranges::equal(std::span(now).subspan(from, to - from),
                              std::span(before).subspan(from, to - from));
  };
  EXPECT_TRUE(is_as_before(0, 3 * block));
  EXPECT_TRUE(is_as_before(103 * block, size));
}

// Both a stretch that ends inside a block, and a source that ends before the sink does.
TEST_P(Reflink, leaves_a_partial_block_to_the_next_mechanism) {
  for (const std::uint64_t length : {10 * block + 1, size}) {
    SCOPED_TRACE(length);
    fill(to_, seed + 1, 0, size + block);
    const std::uint64_t tail = length % block;
    const Receipt receipt = transfer(source({0, length}), sink());
    EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
    EXPECT_EQ(inconsistency(receipt), "") << describe(receipt);
    ASSERT_EQ(receipt.legs.size(), 2u) << describe(receipt);
    EXPECT_EQ(receipt.legs[0].mechanism, reflink());
    EXPECT_EQ(receipt.legs[0].bytes, length - tail);
    EXPECT_EQ(receipt.legs[1].mechanism.name(), "copy_file_range");
    EXPECT_EQ(receipt.legs[1].bytes, tail);
    ASSERT_EQ(receipt.refusals.size(), 1u) << describe(receipt);
    EXPECT_EQ(receipt.refusals[0].error_number, 0);
    EXPECT_EQ(receipt.refusals[0].at, length - tail);
    EXPECT_TRUE(receipt.refusals[0].reason.contains("no whole block"));
    expect_copied(0, 0, length);
    expect_all_shared(0, length - tail);
    EXPECT_EQ(size_of(to_), size + block);
    const auto behind = pattern(seed + 1, length, size + block - length);
    const auto now = content_of(to_);
    EXPECT_TRUE(std::ranges::equal(std::span(now).subspan(length), behind));
  }
}

TEST_P(Reflink, forced_or_without_copies_it_must_be_able_to_finish) {
  const Range ragged{0, 10 * block + 1};
  const Receipt forced = transfer(source(ragged), sink(), {.mechanism = reflink()});
  EXPECT_EQ(forced.ending, Ending::failed);
  ASSERT_TRUE(forced.error);
  EXPECT_TRUE(forced.error->is(Errc::does_not_fit)) << describe(forced);
  EXPECT_TRUE(forced.error->hint.contains("no whole block")) << forced.error->hint;
  EXPECT_EQ(forced.delivered, 0u);
  const Receipt uncopied = transfer(source(ragged), sink(), {.copies = Copies::forbid});
  ASSERT_TRUE(uncopied.error);
  EXPECT_TRUE(uncopied.error->is(Errc::would_copy)) << describe(uncopied);
  EXPECT_EQ(uncopied.delivered, 0u);
  const Receipt even = transfer(source(), sink(), {.copies = Copies::forbid});
  EXPECT_TRUE(moved_by_alone(even, reflink())) << describe(even);
  EXPECT_TRUE(even.ok());
}

TEST_P(Reflink, an_offset_inside_a_block_is_for_others) {
  for (const auto& [from, to] : {std::pair{std::uint64_t{1}, std::uint64_t{0}},
                                 std::pair{std::uint64_t{0}, std::uint64_t{block - 1}}}) {
    const Plan plan = leat::plan(source({from, 10'000}), sink(to));
    EXPECT_EQ(plan.chosen().name(), "copy_file_range");
    const Receipt receipt = transfer(source({from, 10'000}), sink(to));
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
    EXPECT_TRUE(receipt.refusals.empty()) << describe(receipt);
    expect_copied(from, to, 10'000);
  }
}

// Parts: the place in the sink is what counts, not where the transfer began.
TEST_P(Reflink, a_part_that_falls_on_a_block) {
  const std::string header(block, 'h');
  const Receipt receipt =
      transfer(parts(std::string_view(header), source(), std::string_view("trailer")), sink());
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_EQ(receipt.legs[1].mechanism, reflink());
  EXPECT_EQ(receipt.legs[1].bytes, size);
  expect_copied(0, block, size);
  EXPECT_TRUE(text_of(to_).ends_with("trailer"));
  const Receipt ragged = transfer(parts(std::string_view("header"), source()), sink());
  EXPECT_TRUE(ragged.ok()) << describe(ragged);
  for (const Leg& leg : ragged.legs) EXPECT_NE(leg.mechanism, reflink());
  expect_copied(0, 6, size);
}

TEST_P(Reflink, keeps_holes_by_itself) {
  ASSERT_EQ(::ftruncate(from_.number(), 1 << 30), 0);
  fill(from_, seed, 700 << 20, 8192);
  const Receipt receipt = transfer(source(), sink());
  EXPECT_TRUE(moved_by_alone(receipt, reflink())) << describe(receipt);
  EXPECT_EQ(receipt.legs[0].calls, 1u);
  EXPECT_EQ(receipt.holes, 0u) << "it moved them, too";
  EXPECT_EQ(size_of(to_), 1u << 30);
  EXPECT_LT(allocated_bytes_of(to_), 4u << 20);
  expect_copied(0, 0, size);
  expect_copied(700 << 20, 700 << 20, 8192);
}

TEST_P(Reflink, a_step_keeps_its_limit) {
  Context context = make_context();
  Transfer transfer = Transfer::start(context, source(), sink(), {.mechanism = reflink()});
  EXPECT_EQ(drive(context, transfer, 100'000).trouble, "");
  const Receipt receipt = transfer.receipt();
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_EQ(receipt.legs[0].calls, (size + 98'303) / 98'304) << "whole blocks of the limit";
  expect_all_shared(0, size);
}

TEST_P(Reflink, a_limit_below_a_block_is_for_others) {
  Context context = make_context();
  Transfer transfer = Transfer::start(context, source({0, 3 * block}), sink());
  EXPECT_EQ(drive(context, transfer, block - 1).trouble, "");
  const Receipt receipt = transfer.receipt();
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  ASSERT_EQ(receipt.refusals.size(), 1u);
  EXPECT_EQ(receipt.refusals[0].error_number, 0);
  EXPECT_TRUE(receipt.refusals[0].reason.contains("less than a block"));
  EXPECT_EQ(receipt.legs[0].mechanism.name(), "copy_file_range");
  Transfer forced =
      Transfer::start(context, source({0, 3 * block}), sink(), {.mechanism = reflink()});
  drive(context, forced, block - 1);
  ASSERT_TRUE(forced.receipt().error);
  EXPECT_TRUE(forced.receipt().error->is(Errc::does_not_fit));
}

TEST_P(Reflink, a_rate_saves_up_for_a_block_if_it_can) {
  // A helping is a fiftieth of the rate, and four of them are saved up at most.
  const Receipt patient = transfer(source({0, 4 * block}), sink(), {.rate_limit = 100'000});
  EXPECT_EQ(patient.ending, Ending::complete) << describe(patient);
  EXPECT_TRUE(moved_by_alone(patient, reflink())) << describe(patient);
  EXPECT_GT(patient.waits, 0u);
  const Receipt slow = transfer(source({0, 2 * block}), sink(), {.rate_limit = 40'000});
  EXPECT_EQ(slow.ending, Ending::complete) << describe(slow);
  EXPECT_EQ(slow.legs[0].mechanism.name(), "copy_file_range") << describe(slow);
}

// Who wants to be heard meanwhile gets calls of a bounded size.
TEST_P(Reflink, progress_and_deadlines_bound_a_call) {
  constexpr std::uint64_t hole = 600 << 20;
  ASSERT_EQ(::ftruncate(from_.number(), hole), 0);
  std::uint64_t told = 0;
  const Receipt receipt = transfer(source(), sink(), {.progress = [&](const Step&) { ++told; }});
  EXPECT_TRUE(moved_by_alone(receipt, reflink())) << describe(receipt);
  EXPECT_EQ(receipt.legs[0].calls, 3u);
  EXPECT_EQ(told, 3u);
  const auto later = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_EQ(transfer(source(), sink(), {.deadline = later}).legs[0].calls, 3u);
  EXPECT_EQ(transfer(source(), sink()).legs[0].calls, 1u);
}

TEST_P(Reflink, a_source_that_shrank_is_told) {
  for (const std::uint64_t now : {std::uint64_t{1'000'003}, 200 * block}) {
    SCOPED_TRACE(now);
    fill(from_, seed, 0, size);
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    PumpBench bench = this->bench();
    ASSERT_EQ(::ftruncate(from_.number(), static_cast<off_t>(now)), 0);
    const Moved moved = bench.step(size);
    EXPECT_EQ(moved.outcome, Outcome::progress);
    EXPECT_EQ(moved.delivered, now);
    EXPECT_EQ(moved.calls, 2u);
    EXPECT_EQ(bench.step(size - now).outcome, Outcome::source_ended);
    expect_copied(0, 0, now);
  }
  ASSERT_EQ(::ftruncate(from_.number(), 1'000'003), 0);
  const Receipt promised = transfer(source({0, size}), sink(), {.mechanism = reflink()});
  EXPECT_EQ(promised.ending, Ending::source_shrank) << describe(promised);
  EXPECT_EQ(promised.delivered, 1'000'003u);
}

// The last block is now one like any other, and cannot be shared in part.
TEST_P(Reflink, a_source_that_grew_is_shared_up_to_its_last_whole_block) {
  PumpBench bench = this->bench();
  fill(from_, seed, size, block);
  const Moved moved = bench.step(size);
  EXPECT_EQ(moved.outcome, Outcome::progress);
  EXPECT_EQ(moved.delivered, size - size % block);
  const Moved rest = bench.step(size % block);
  EXPECT_EQ(rest.outcome, Outcome::refused);
  EXPECT_EQ(rest.error_number, EINVAL);
}

TEST_P(Reflink, what_means_go_on_another_way) {
  for (const int number : {EOPNOTSUPP, EXDEV, EINVAL, ENOTTY, ENOSYS, EPERM, EACCES, EBADF, ETXTBSY,
                           EISDIR, EIO, ENOENT, EAGAIN, ENOMEM}) {
    SCOPED_TRACE(strerrorname_np(number));
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    const ScopedFaults faults({{.call = "ioctl", .error_number = number}});
    const Receipt receipt = transfer(source(), sink());
    EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
    ASSERT_EQ(receipt.refusals.size(), 1u) << describe(receipt);
    EXPECT_EQ(receipt.refusals[0].error_number, number);
    EXPECT_EQ(receipt.refusals[0].at, 0u);
    expect_copied(0, 0, size);
  }
}

TEST_P(Reflink, what_ends_the_transfer) {
  for (const int number : {ENOSPC, EDQUOT, EFBIG}) {
    SCOPED_TRACE(strerrorname_np(number));
    const ScopedFaults faults({{.call = "ioctl", .error_number = number}});
    const Receipt receipt = transfer(source(), sink());
    EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    EXPECT_TRUE(receipt.refusals.empty());
    EXPECT_TRUE(receipt.error->is(number));
    EXPECT_FALSE(receipt.error->hint.empty());
  }
}

TEST_P(Reflink, is_repeated_when_interrupted) {
  const ScopedFaults faults({{.call = "ioctl", .times = 2, .error_number = EINTR}});
  EXPECT_TRUE(moved_by_alone(transfer(source(), sink()), reflink()));
  EXPECT_EQ(faults.seen("ioctl"), 3u);
}

TEST_P(Reflink, appending_is_refused_also_where_the_facts_are_old) {
  PumpBench bench = this->bench();
  ASSERT_EQ(::fcntl(to_.number(), F_SETFL, O_APPEND), 0);
  const Moved moved = bench.step(size);
  EXPECT_EQ(moved.outcome, Outcome::refused);
  EXPECT_EQ(moved.error_number, EBADF);
}

TEST_P(Reflink, within_one_file) {
  const Receipt apart = transfer(source({0, 10 * block}), Sink::file(from_.ref(), 100 * block));
  EXPECT_TRUE(moved_by_alone(apart, reflink())) << describe(apart);
  const Receipt overlapping =
      transfer(source({0, 10 * block}), Sink::file(from_.ref(), block), {.mechanism = reflink()});
  ASSERT_TRUE(overlapping.error);
  EXPECT_TRUE(overlapping.error->is(EINVAL)) << describe(overlapping);
}

TEST_P(Reflink, between_two_file_systems_somebody_else_goes_on) {
  const LoopDisk other{std::string(GetParam())};
  const OwnedFd there = other.create("to");
  const Receipt receipt = transfer(source(), Sink::file(there.ref()));
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_EQ(content_of(there), pattern(seed, 0, size));
  for (const Leg& leg : receipt.legs) {
    if (leg.mechanism == reflink()) {
      EXPECT_EQ(leg.bytes, 0u);
    }
  }
  // Subvolumes make two devices of one btrfs, so there only the kernel knows.
  const bool kernel_was_asked = GetParam() == "btrfs";
  EXPECT_EQ(!receipt.refusals.empty() && receipt.refusals[0].mechanism == reflink() &&
                receipt.refusals[0].error_number == EXDEV,
            kernel_was_asked)
      << describe(receipt);
}

INSTANTIATE_TEST_SUITE_P(on, Reflink, ::testing::Values("btrfs", "xfs"),
                         [](const auto& each) { return std::string(each.param); });

class ReflinkDisk : public GuardedTest {
 protected:
  static OwnedFd file_on(const LoopDisk& disk, const std::string& name, std::uint64_t size) {
    OwnedFd file = disk.create(name);
    const auto content = pattern(1, 0, size);
    EXPECT_EQ(::pwrite(file.number(), content.data(), size, 0), static_cast<ssize_t>(size));
    return file;
  }
};

TEST_F(ReflinkDisk, xfs_without_it_says_so_and_somebody_else_goes_on) {
  if (const std::string why = LoopDisk::unavailable("xfs"); !why.empty()) GTEST_SKIP() << why;
  const LoopDisk disk("xfs", "-m reflink=0");
  const OwnedFd from = file_on(disk, "from", 1'000'001);
  const OwnedFd to = disk.create("to");
  const Receipt receipt = transfer(Source::file(from.ref()), Sink::file(to.ref()));
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  ASSERT_EQ(receipt.refusals.size(), 1u) << describe(receipt);
  EXPECT_EQ(receipt.refusals[0].mechanism.name(), "reflink");
  EXPECT_EQ(receipt.refusals[0].error_number, EOPNOTSUPP);
  EXPECT_EQ(receipt.refusals[0].at, 0u);
  EXPECT_EQ(content_of(to), content_of(from));
  EXPECT_EQ(extents_of(to).shared, 0u);
}

TEST_F(ReflinkDisk, subvolumes_of_one_btrfs_share) {
  if (const std::string why = LoopDisk::unavailable("btrfs"); !why.empty()) GTEST_SKIP() << why;
  const LoopDisk disk("btrfs");
  ASSERT_EQ(run_quietly("btrfs subvolume create " + disk.path("sub")), 0);
  const OwnedFd from = file_on(disk, "from", 1'000'001);
  const OwnedFd to = disk.create("sub/to");
  struct stat one{};
  struct stat other{};
  ASSERT_EQ(::fstat(from.number(), &one), 0);
  ASSERT_EQ(::fstat(to.number(), &other), 0);
  EXPECT_NE(one.st_dev, other.st_dev) << "else this test shows nothing";
  const Receipt receipt = transfer(Source::file(from.ref()), Sink::file(to.ref()));
  EXPECT_TRUE(moved_by_alone(receipt, *Mechanism::named("reflink"))) << describe(receipt);
  EXPECT_EQ(content_of(to), content_of(from));
}

TEST_F(ReflinkDisk, a_quota_that_is_used_up_ends_the_transfer) {
  if (const std::string why = LoopDisk::unavailable("btrfs"); !why.empty()) GTEST_SKIP() << why;
  const LoopDisk disk("btrfs");
  ASSERT_EQ(run_quietly("btrfs subvolume create " + disk.path("sub") + " && btrfs quota enable " +
                        disk.path() + " && btrfs qgroup limit 1M " + disk.path("sub")),
            0);
  const OwnedFd from = file_on(disk, "from", 8 << 20);
  const OwnedFd to = disk.create("sub/to");
  const Receipt receipt = transfer(Source::file(from.ref()), Sink::file(to.ref()));
  ::sync();
  const Receipt again = transfer(Source::file(from.ref()), Sink::file(to.ref(), 8 << 20));
  const Receipt& last = receipt.ok() ? again : receipt;
  EXPECT_EQ(last.ending, Ending::failed) << describe(receipt) << describe(again);
  ASSERT_TRUE(last.error);
  EXPECT_TRUE(last.error->is(EDQUOT)) << describe(last);
}

}  // namespace
}  // namespace leat::testing
