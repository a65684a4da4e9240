// Goal: direct_io moves the same bytes through registered blocks as through its own, uses them
// where enough of them are free, and gives them back when the kernel is done and no sooner. Method:
// as in direct_io_test.cc; the context's counters and the pool's statistics tell what was used.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/pool.h>
#include <leat/transfer.h>

#include "support/direct_scene.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using namespace direct;

constexpr std::uint32_t slot_bytes = 64 << 10;  // little of what an unprivileged user may lock

class DirectIoRegistered : public DirectIo {
 protected:
  void SetUp() override {
    DirectIo::SetUp();
    if (IsSkipped()) return;
    Context context = make_context();
    Pool pool = make_pool(2, slot_bytes);
    const auto registered = context.register_blocks(pool);
    if (!registered) GTEST_SKIP() << "no registered memory here: " << registered.error().message();
  }
  static Pool make_pool(std::size_t blocks, std::size_t block_bytes) {
    auto pool = Pool::create({.block_bytes = block_bytes, .most_blocks = blocks});
    EXPECT_TRUE(pool);
    return std::move(*pool);
  }
  Pool& add_pool(std::size_t blocks, std::size_t block_bytes = slot_bytes) {
    pools_.push_back(std::make_unique<Pool>(make_pool(blocks, block_bytes)));
    EXPECT_TRUE(context_.register_blocks(*pools_.back()));
    return *pools_.back();
  }
  static Options in_slots() {
    Options options = forced();
    options.tuning.block_bytes = slot_bytes;
    return options;
  }
  Transfer start(Source from, Sink to) {
    return Transfer::start(context_, std::move(from), std::move(to), in_slots());
  }
  Receipt run_in_slots(Source from, Sink to, std::uint64_t limit = default_step_limit) {
    Transfer transfer = start(std::move(from), std::move(to));
    EXPECT_EQ(drive(context_, transfer, limit).trouble, "");
    return transfer.receipt();
  }
  std::uint64_t uses() const { return context_.counters().registered_operations; }

  std::vector<std::unique_ptr<Pool>> pools_;
  std::vector<Lease> held_;
};

TEST_F(DirectIoRegistered, every_read_and_write_of_a_whole_file) {
  Pool& pool = add_pool(8);
  const ScopedFaults faults;
  expect_whole(run_in_slots(source(), sink()));
  EXPECT_GE(uses(), 2 * (size / slot_bytes));
  EXPECT_EQ(uses(), faults.seen("ring_read") + faults.seen("ring_write"));
  EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
  EXPECT_EQ(pool.statistics().leased, 0u);
  EXPECT_EQ(pool.statistics().high_water, 8u);
}

TEST_F(DirectIoRegistered, offsets_that_begin_and_end_inside_a_block) {
  add_pool(4);
  for (const std::uint64_t shift : {0, 1, 4095, 4097})
    for (const std::uint64_t length :
         {std::uint64_t{1}, std::uint64_t{8193}, 9 * std::uint64_t{slot_bytes} + 1}) {
      SCOPED_TRACE("from " + std::to_string(shift) + ", " + std::to_string(length) + " bytes");
      ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
      const std::uint64_t before = uses();
      expect_whole(run_in_slots(source({shift, length}), sink(8192 + shift)), length);
      EXPECT_GT(uses(), before);
      EXPECT_EQ(content_at(to_, 8192 + shift, length), pattern(seed, shift, length));
      EXPECT_EQ(size_of(to_), 8192 + shift + length);
    }
}

TEST_F(DirectIoRegistered, from_and_to_sockets) {
  Pool& pool = add_pool(8);
  Pair out = make_tcp_pair();
  set_blocking(out.from, Blocking::yes);
  Drainer drainer(std::move(out.from), {.seed = seed});
  expect_whole(run_in_slots(source(), Sink::socket(out.to.ref())));
  out.to.reset();
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), size);
  const std::uint64_t before = uses();
  EXPECT_GE(before, size / slot_bytes);
  Pair in = make_tcp_pair();
  set_blocking(in.to, Blocking::yes);
  const Feeder feeder(std::move(in.to), seed, 0, size);
  expect_whole(run_in_slots(Source::socket(in.from.ref(), size), sink()));
  EXPECT_GT(uses(), before);
  EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
  EXPECT_EQ(pool.statistics().leased, 0u);
}

TEST_F(DirectIoRegistered, blocks_that_hold_several_of_its_own) {
  Pool& pool = add_pool(3, 5 * slot_bytes + 4096);
  expect_whole(run_in_slots(source(), sink()));
  EXPECT_GE(uses(), 2 * (size / slot_bytes));
  EXPECT_EQ(pool.statistics().high_water, 2u) << "more than eight of its own have room in two";
  EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
}

TEST_F(DirectIoRegistered, blocks_that_are_too_small_are_left_alone) {
  Pool& pool = add_pool(16, slot_bytes - 4096);
  expect_whole(run_in_slots(source(), sink()));
  EXPECT_EQ(uses(), 0u);
  EXPECT_EQ(pool.statistics().high_water, 0u);
  EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
  // The next pool has larger ones.
  Pool& larger = add_pool(2);
  expect_whole(run_in_slots(source(), sink()));
  EXPECT_GT(uses(), 0u);
  EXPECT_EQ(larger.statistics().high_water, 2u);
}

TEST_F(DirectIoRegistered, one_that_is_free_is_not_enough) {
  Pool& pool = add_pool(4);
  std::vector<Lease> taken;
  for (int i = 0; i < 3; ++i) taken.push_back(std::move(*pool.lease()));
  expect_whole(run_in_slots(source(), sink()));
  EXPECT_EQ(uses(), 0u);
  EXPECT_EQ(pool.statistics().leased, 3u) << "the fourth is back";
  taken.pop_back();
  expect_whole(run_in_slots(source(), sink()));
  EXPECT_GE(uses(), 2 * (size / slot_bytes)) << "two are";
  EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
}

TEST_F(DirectIoRegistered, a_pool_that_is_gone_still_serves) {
  add_pool(8);
  pools_.clear();
  expect_whole(run_in_slots(source(), sink()));
  EXPECT_GE(uses(), 2 * (size / slot_bytes));
  EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
}

TEST_F(DirectIoRegistered, several_transfers_share_what_there_is) {
  Pool& pool = add_pool(10);
  std::vector<OwnedFd> sinks;
  std::vector<Transfer> transfers;
  for (int i = 0; i < 3; ++i) {
    sinks.push_back(file_with({}));
    transfers.push_back(start(source({0, 2 * mib + 5}), Sink::file(sinks.back().ref())));
  }
  for (Transfer& transfer : transfers) transfer.step(4096);
  EXPECT_EQ(pool.statistics().leased, 10u) << "eight, two, and none";
  for (Transfer& transfer : transfers) EXPECT_EQ(drive(context_, transfer, mib).trouble, "");
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    expect_whole(transfers[i].receipt(), 2 * mib + 5);
    EXPECT_EQ(content_of(sinks[i]), pattern(seed, 0, 2 * mib + 5));
  }
  transfers.clear();
  EXPECT_EQ(pool.statistics().leased, 0u);
}

TEST_F(DirectIoRegistered, blocks_come_back_when_the_kernel_is_done) {
  for (const unsigned steps : {1u, 2u, 5u}) {
    Pool& pool = add_pool(4);
    {
      Transfer transfer = start(source(), sink());
      for (unsigned step = 0; step < steps; ++step) transfer.step();
      EXPECT_EQ(pool.statistics().leased, 4u);
    }
    // Each operation in flight keeps all of them.
    while (context_.counters().operations > 0) {
      EXPECT_EQ(pool.statistics().leased, 4u);
      context_.poll();
    }
    EXPECT_EQ(pool.statistics().leased, 0u);
    // The next round is to use its own pool.
    while (auto lease = pool.lease()) held_.push_back(std::move(*lease));
  }
}

TEST_F(DirectIoRegistered, short_counts) {
  add_pool(8);
  for (const std::string_view call : {"ring_read", "ring_write"}) {
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    const ScopedFaults faults({{.call = call, .times = always, .shorten_to = 20'000}});
    expect_whole(run_in_slots(source({0, 2 * mib + 77}), sink()), 2 * mib + 77);
    EXPECT_GT(faults.fired(), 0u);
    EXPECT_EQ(content_of(to_), pattern(seed, 0, 2 * mib + 77));
  }
}

// An operation that the kernel answers by an error loses nothing but itself.
TEST_F(DirectIoRegistered, errors_end_it_with_an_exact_prefix) {
  if (!ring_errors_can_be_injected()) GTEST_SKIP() << no_injection;
  Pool& pool = add_pool(8);
  for (const std::string_view call : {"ring_read", "ring_write"}) {
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    const ScopedFaults faults({{.call = call, .first = 5, .error_number = EIO}});
    const Receipt receipt = run_in_slots(source(), sink());
    EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    EXPECT_EQ(content_at(to_, 0, receipt.delivered), pattern(seed, 0, receipt.delivered));
    EXPECT_EQ(pool.statistics().leased, 0u);
  }
}

// What was received and cannot be written stays in its blocks until its sources are gone.
TEST_F(DirectIoRegistered, what_is_stranded_keeps_its_blocks) {
  if (!ring_errors_can_be_injected()) GTEST_SKIP() << no_injection;
  Pool& pool = add_pool(8);
  Pair in = make_unix_pair();
  set_blocking(in.to, Blocking::yes);
  const Feeder feeder(std::move(in.to), seed, 0, mib);
  std::vector<Source> stranded;
  std::uint64_t delivered = 0;
  {
    Transfer transfer = start(Source::socket(in.from.ref()), sink());
    const ScopedFaults faults(
        {{.call = "ring_write", .first = 2, .times = always, .error_number = EIO}});
    drive(context_, transfer);
    EXPECT_EQ(transfer.receipt().ending, Ending::failed) << describe(transfer.receipt());
    delivered = transfer.receipt().delivered;
    stranded = transfer.stranded();
  }
  ASSERT_FALSE(stranded.empty());
  EXPECT_EQ(pool.statistics().leased, 8u);
  StreamCheck check(seed, delivered);
  for (Source& one : stranded) check.add(one.bytes());
  EXPECT_EQ(check.mismatch(), "");
  EXPECT_GT(check.count(), 0u);
  stranded.clear();
  EXPECT_EQ(pool.statistics().leased, 0u);
  in.from.reset();
}

// A ring that is denied later is done without, in whatever memory it is.
TEST_F(DirectIoRegistered, without_the_ring) {
  add_pool(8);
  const ScopedFaults faults({{.call = "io_uring_submit", .times = always, .error_number = EAGAIN}});
  expect_whole(run_in_slots(source({0, mib + 5}), sink()), mib + 5);
  EXPECT_GT(faults.seen("pread"), 0u);
  EXPECT_EQ(content_of(to_), pattern(seed, 0, mib + 5));
}

}  // namespace
}  // namespace leat::testing
