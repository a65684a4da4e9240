// Goal: direct_io between sockets and files, and on file systems of their own: what is received is
// in the file, or handed back in order. Method: as in direct_io_test.cc.

#include "mechanism/direct_work.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "os/file.h"
#include "os/stream.h"
#include "support/direct_scene.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/loop_disk.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using namespace direct;

class DirectIoToSocket : public DirectIo {};

TEST_F(DirectIoToSocket, whole) {
  for (const bool small : {true, false}) {
    Pair pair = small ? make_unix_pair() : make_tcp_pair();
    if (small) shrink_buffers(pair.to);
    set_blocking(pair.from, Blocking::yes);
    Drainer drainer(std::move(pair.from), {.seed = seed, .chunk_bytes = small ? 4000u : 65536u});
    drop_cache(from_);
    const auto before = cached_pages(from_);
    {
      const ScopedFaults faults;
      expect_whole(run(source(), Sink::socket(pair.to.ref())));
      EXPECT_GE(faults.seen(read_call_), size / mib);
    }
    if (before) {
      EXPECT_LE(cached_pages(from_), before);
    }
    pair.to.reset();
    EXPECT_EQ(drainer.finish().check.mismatch(), "");
    EXPECT_EQ(drainer.finish().check.count(), size);
  }
}

class DirectIoFromSocket : public DirectIo {
 protected:
  void put(std::uint64_t count) {
    ASSERT_EQ(os::send(in_.to, pattern(seed, sent_, count), {.wait = true}), count);
    sent_ += count;
  }
  void put_in_background(std::uint64_t count) {
    set_blocking(in_.to, Blocking::yes);
    feeder_.emplace(std::move(in_.to), seed, sent_, count);
  }
  Source socket(std::uint64_t length = to_end) const {
    return Source::socket(in_.from.ref(), length);
  }

  std::optional<Feeder> feeder_;  // joined after its reader is closed
  Pair in_ = make_unix_pair();
  std::uint64_t sent_ = 0;
};

TEST_F(DirectIoFromSocket, whole) {
  for (const std::uint64_t offset : {0, 12345}) {
    in_ = make_tcp_pair();
    put_in_background(size);
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    const ScopedFaults faults;
    const Receipt receipt = run(socket(), sink(offset));
    EXPECT_EQ(receipt.ending, Ending::end_of_source);
    EXPECT_EQ(receipt.delivered, size);
    EXPECT_GT(faults.seen(write_call_), 0u);
    EXPECT_EQ(content_at(to_, offset, size), pattern(seed, 0, size));
    EXPECT_EQ(size_of(to_), offset + size);
  }
}

TEST_F(DirectIoFromSocket, what_came_is_in_the_file_before_it_waits) {
  Transfer transfer = Transfer::start(context_, socket(), sink(77), forced());
  for (const std::uint64_t count : {1, 10'000, 3, 100'000, 4096}) {
    put(count);
    drive(context_, transfer, default_step_limit,
          [&](const Step& step) { return step.delivered == sent_; });
    EXPECT_EQ(content_at(to_, 77, sent_), pattern(seed, 0, sent_));
  }
  in_.to.reset();
  EXPECT_EQ(drive(context_, transfer).last.state, State::done);
  EXPECT_EQ(size_of(to_), 77 + sent_);
}

TEST_F(DirectIoFromSocket, a_promise_is_kept_and_no_byte_more_is_taken) {
  put(150'000);
  const Receipt receipt = run(socket(100'001), sink());
  expect_whole(receipt, 100'001);
  EXPECT_EQ(size_of(to_), 100'001u);
  in_.to.reset();
  EXPECT_EQ(read_rest(in_.from, seed, 100'001).count(), 49'999u);
}

// The writes fail while more has been received: all of it is handed back, in order.
TEST_F(DirectIoFromSocket, what_was_not_written_is_stranded_in_order) {
  if (!ring_errors_can_be_injected()) GTEST_SKIP() << no_injection;
  put_in_background(6 * mib);
  std::vector<Source> stranded;
  std::uint64_t delivered = 0;
  {
    Transfer transfer = Transfer::start(context_, socket(), sink(10), forced());
    const ScopedFaults faults(
        {{.call = "ring_write", .first = 2, .times = always, .error_number = EIO}});
    drive(context_, transfer);
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    EXPECT_GT(receipt.stranded, 0u);
    delivered = receipt.delivered;
    stranded = transfer.stranded();
    std::uint64_t sum = 0;
    for (const Source& one : stranded) sum += one.length();
    EXPECT_EQ(sum, receipt.stranded);
  }
  StreamCheck check(seed, delivered);
  for (Source& one : stranded) check.add(one.bytes());
  EXPECT_EQ(check.mismatch(), "");
  set_blocking(in_.from, Blocking::yes);
  const StreamCheck rest = read_rest(in_.from, seed, delivered + check.count());
  EXPECT_EQ(rest.mismatch(), "");
  EXPECT_EQ(delivered + check.count() + rest.count(), 6 * mib);
}

TEST_F(DirectIoFromSocket, stops_and_goes_on) {
  put_in_background(size);
  Transfer transfer = Transfer::start(context_, socket(size), sink(10), forced());
  drive(context_, transfer, default_step_limit,
        [](const Step& step) { return step.taken >= 3 * mib; });
  transfer.cancel();
  EXPECT_EQ(drive(context_, transfer).last.state, State::stopped);
  EXPECT_EQ(context_.counters().operations, 0u);
  const Receipt stopped = transfer.receipt();
  EXPECT_EQ(content_at(to_, 10, stopped.delivered), pattern(seed, 0, stopped.delivered));
  transfer.resume({});
  drive(context_, transfer);
  EXPECT_EQ(transfer.receipt().delivered, size) << describe(transfer.receipt());
  EXPECT_EQ(content_at(to_, 10, size), pattern(seed, 0, size));
}

TEST_F(DirectIoFromSocket, destroyed_with_writes_in_flight_it_counts_what_is_lost) {
  put_in_background(6 * mib);
  std::uint64_t held = 0;
  {
    Transfer transfer = Transfer::start(context_, socket(), sink(), forced());
    drive(context_, transfer, default_step_limit, [&](const Step& step) {
      held = step.taken - step.delivered;
      return step.taken >= 3 * mib;
    });
  }
  EXPECT_EQ(context_.counters().stranded_bytes, held);
  while (context_.counters().operations > 0) context_.poll();
  in_.from.reset();
}

class DirectIoOn : public GuardedTest, public ::testing::WithParamInterface<std::string_view> {
 protected:
  void SetUp() override {
    if (const std::string why = LoopDisk::unavailable(std::string(GetParam())); !why.empty())
      GTEST_SKIP() << why;
  }
};

TEST_P(DirectIoOn, a_file_system_of_its_own) {
  const LoopDisk disk{std::string(GetParam())};
  const OwnedFd from = disk.create("from");
  const OwnedFd to = disk.create("to");
  for (const std::uint64_t offset : {0, 4097, 513}) {
    SCOPED_TRACE(offset);
    ASSERT_EQ(::ftruncate(from.number(), 0), 0);
    ASSERT_EQ(::ftruncate(to.number(), 0), 0);
    write_pattern(from, offset, size);
    const Receipt receipt = transfer(Source::file(from.ref(), {offset, to_end}),
                                     Sink::file(to.ref(), offset), forced());
    EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
    EXPECT_EQ(content_at(to, offset, size), pattern(seed, 0, size));
    EXPECT_EQ(size_of(to), offset + size);
  }
}

TEST_P(DirectIoOn, a_disk_that_is_full_half_way) {
  const LoopDisk disk{std::string(GetParam())};
  const OwnedFd filler = disk.create("filler");
  const OwnedFd to = disk.create("to");
  const OwnedFd from = pattern_file(seed, 64 * mib);
  std::uint64_t filled = 0;
  while (::fallocate(filler.number(), 0, static_cast<off_t>(filled), 8 * mib) == 0)
    filled += 8 * mib;
  ASSERT_EQ(::ftruncate(filler.number(), static_cast<off_t>(filled - 24 * mib)), 0);
  ASSERT_EQ(::fsync(filler.number()), 0);
  const Receipt receipt = transfer(Source::file(from.ref()), Sink::file(to.ref()), forced());
  EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(ENOSPC)) << describe(receipt);
  EXPECT_LT(receipt.delivered, 64 * mib);
  EXPECT_EQ(content_at(to, 0, receipt.delivered), pattern(seed, 0, receipt.delivered));
}

INSTANTIATE_TEST_SUITE_P(each, DirectIoOn, ::testing::Values("ext4", "xfs", "btrfs"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace leat::testing
