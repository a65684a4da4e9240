// Goal: direct_io passes the page cache by, keeps its counts exact whatever completes when, and
// says where it cannot serve: pitfalls 1, 2, 3, 4, 12, 35. Method: whole transfers between files on
// the disk under /tmp, on tmpfs and on file systems of their own, and sockets; the seam answers,
// cuts and delays single operations of the ring.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/plan.h>
#include <leat/transfer.h>

#include "os/file.h"
#include "os/stream.h"
#include "support/direct_scene.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/pump_bench.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using namespace direct;

TEST_F(DirectIo, says_why_it_does_not_fit) {
  const SourceFacts file{.kind = Kind::file, .regular = true, .true_size = true, .promised = 9};
  const SinkFacts sink{.kind = Kind::file, .regular = true};
  const SinkFacts socket{.kind = Kind::socket};
  SourceFacts in_memory = file;
  in_memory.volume.type = 0x01021994;  // tmpfs
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    std::string_view reason;  // a part of it; empty: it fits
  };
  const std::array rows{
      Row{file, sink, ""},
      Row{file, socket, ""},
      Row{{.kind = Kind::socket}, sink, ""},
      Row{in_memory, sink, ""},
      Row{in_memory, socket, "no end lies on"},
      Row{{.kind = Kind::socket}, socket, "from file to file"},
      Row{{.kind = Kind::pipe}, sink, "from file to file"},
      Row{{.kind = Kind::memory}, sink, "from file to file"},
      Row{file, {.kind = Kind::memory}, "from file to file"},
      Row{{.kind = Kind::file, .regular = true}, sink, "does not tell its size"},
      Row{file, {.kind = Kind::file, .regular = true, .append = true}, "O_APPEND"}};
  for (const Row& row : rows) {
    const Fit fit = fit_of("direct_io", row.source, row.sink);
    EXPECT_EQ(fit.fits, row.reason.empty()) << fit.reason;
    EXPECT_TRUE(fit.reason.contains(row.reason)) << fit.reason;
  }
}

TEST_F(DirectIo, passes_the_page_cache_by) {
  drop_cache(from_);
  const auto before = cached_pages(from_);
  {
    const ScopedFaults faults;
    expect_whole(run(source(), sink()));
    EXPECT_GE(faults.seen(read_call_), size / mib);
    EXPECT_GE(faults.seen(write_call_), size / mib);
    if (no_ring_.empty()) {
      EXPECT_EQ(faults.seen("pread"), 0u);
      EXPECT_EQ(faults.seen("pwrite"), 1u) << "only the tail";
    }
  }
  if (before) {
    EXPECT_LE(cached_pages(from_), before);
    EXPECT_LE(cached_pages(to_), 1u) << "the tail";
  }
  EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
}

TEST_F(DirectIo, another_mechanism_does_not) {
  drop_cache(from_);
  const ScopedFaults faults;
  EXPECT_TRUE(transfer(source(), sink(), {.mechanism = *Mechanism::named("read_write")}).ok());
  EXPECT_EQ(faults.seen("ring_read") + faults.seen("ring_write"), 0u);
  if (const auto pages = cached_pages(to_)) {
    EXPECT_GE(*pages, size / 4096);
  }
}

TEST_F(DirectIo, is_never_the_first_choice) {
  EXPECT_NE(plan(source(), sink()).chosen(), direct_io());
  EXPECT_EQ(plan(source(), sink(), forced()).chosen(), direct_io());
}

TEST_F(DirectIo, offsets_that_agree_but_begin_and_end_inside_a_block) {
  for (const std::uint64_t shift : {0, 1, 511, 512, 4095, 4097})
    for (const std::uint64_t length : {std::uint64_t{1}, std::uint64_t{4095}, std::uint64_t{4096},
                                       std::uint64_t{8193}, 3 * mib, 9 * mib + 1}) {
      SCOPED_TRACE("from " + std::to_string(shift) + ", " + std::to_string(length) + " bytes");
      ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
      const ScopedFaults faults;
      expect_whole(run(source({shift, length}), sink(8192 + shift)), length);
      if (no_ring_.empty()) {
        EXPECT_LE(faults.seen("pwrite"), 2u) << "head and tail";
        EXPECT_EQ(faults.seen("ring_write") > 0, (shift + length) / 4096 > (shift + 4095) / 4096);
      }
      EXPECT_EQ(size_of(to_), 8192 + shift + length);
      EXPECT_EQ(content_at(to_, 8192 + shift, length), pattern(seed, shift, length));
    }
}

TEST_F(DirectIo, offsets_that_do_not_agree_are_read_directly_and_written_through_the_cache) {
  for (const std::uint64_t offset : {1, 512, 4095}) {
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    const ScopedFaults faults;
    expect_whole(run(source(), sink(offset)));
    EXPECT_GE(faults.seen(read_call_), size / mib);
    EXPECT_EQ(faults.seen("ring_write"), 0u);
    EXPECT_EQ(content_at(to_, offset, size), pattern(seed, 0, size));
  }
}

TEST_F(DirectIo, leaves_what_is_around_it_alone) {
  const auto old = pattern(seed + 1, 0, 4 * mib);
  ASSERT_EQ(::pwrite(to_.number(), old.data(), old.size(), 0), static_cast<ssize_t>(old.size()));
  expect_whole(run(source({100, mib}), sink(4096 + 100)), mib);
  auto now = content_of(to_);
  const auto copied = pattern(seed, 100, mib);
  EXPECT_TRUE(std::equal(copied.begin(), copied.end(), now.begin() + 4196));
  std::copy_n(old.begin() + 4196, mib, now.begin() + 4196);
  EXPECT_EQ(now, old);
}

TEST_F(DirectIo, small_limits) {
  for (const std::uint64_t limit :
       {std::uint64_t{1021}, std::uint64_t{4096}, std::uint64_t{70'000}})
    for (const std::uint64_t offset : {0, 5}) {
      SCOPED_TRACE(limit);
      ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
      expect_whole(run(source({0, 300'001}), sink(offset), limit), 300'001);
      EXPECT_EQ(content_at(to_, offset, 300'001), pattern(seed, 0, 300'001));
    }
  expect_whole(run(source({3, 5000}), sink(3), 1), 5000);
}

TEST_F(DirectIo, block_sizes) {
  for (const std::uint32_t block : {1u, 4096u, 5000u, 65536u, 3u << 20, 64u << 20}) {
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    Options options = forced();
    options.tuning.block_bytes = block;
    const std::uint64_t length = block < 65536 ? mib + 1 : size;
    EXPECT_TRUE(transfer(context_, source({0, length}), sink(), options).ok());
    EXPECT_EQ(content_at(to_, 0, length), pattern(seed, 0, length));
  }
}

TEST_F(DirectIo, without_a_ring_it_reads_and_writes_one_block_after_the_other) {
  const int reason = no_ring_ == "leat was built without liburing" ? ENOSYS : EPERM;
  for (const bool denied : {true, false}) {
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    Context context = make_context({.ring = denied ? RingUse::thread_bound : RingUse::none});
    std::vector<FaultPlan> plans;
    if (denied)
      plans.push_back(
          {.call = "io_uring_queue_init_params", .times = always, .error_number = EPERM});
    const ScopedFaults faults(std::move(plans));
    const Receipt receipt = transfer(context, source(), sink(), forced());
    expect_whole(receipt);
    EXPECT_GE(faults.seen("pread"), size / mib);
    EXPECT_GE(faults.seen("pwrite"), size / mib);
    EXPECT_EQ(faults.seen("ring_read"), 0u);
    ASSERT_EQ(receipt.refusals.size(), 1u);
    EXPECT_EQ(receipt.refusals[0].mechanism.name(), "direct_io");
    EXPECT_EQ(receipt.refusals[0].error_number, reason);
    EXPECT_FALSE(receipt.refusals[0].reason.empty());
    EXPECT_EQ(receipt.refusals[0].count, 1u);
    EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
  }
}

// The answer EAGAIN sends an operation round once more, so that later ones complete before it.
TEST_F(DirectIo, completions_out_of_order) {
  if (!ring_errors_can_be_injected()) GTEST_SKIP() << no_injection;
  for (const std::string_view call : {"ring_read", "ring_write"})
    for (const std::uint64_t first : {1, 2, 5})
      for (const int error_number : {EAGAIN, EINTR}) {
        SCOPED_TRACE(std::string(call) + " " + std::to_string(first));
        ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
        const ScopedFaults faults(
            {{.call = call, .first = first, .times = 2, .error_number = error_number}});
        expect_whole(run(source(), sink()));
        EXPECT_EQ(faults.fired(), 2u);
        EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
      }
}

TEST_F(DirectIo, a_ring_that_never_takes_an_operation_is_done_without) {
  if (!ring_errors_can_be_injected()) GTEST_SKIP() << no_injection;
  for (const std::string_view call : {"ring_read", "ring_write", "io_uring_submit"})
    for (const int error_number : {EAGAIN, EBUSY}) {
      SCOPED_TRACE(call);
      ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
      const ScopedFaults faults({{.call = call, .times = always, .error_number = error_number}});
      expect_whole(run(source(), sink()));
      EXPECT_GT(faults.seen("pread") + faults.seen("pwrite"), 1u);
      EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
    }
}

// A filter that comes down with operations in flight: no answer will ever be seen.
TEST_F(DirectIo, answers_that_cannot_be_fetched_any_more_are_refusals) {
  if (!no_ring_.empty()) GTEST_SKIP() << "no io_uring here: " << no_ring_;
  for (const std::uint64_t first : {1, 3}) {
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    Context context = make_context();
    Transfer transfer = Transfer::start(context, source(), sink(), forced());
    const ScopedFaults faults(
        {{.call = "io_uring_get_events", .first = first, .times = always, .error_number = EPERM}});
    EXPECT_EQ(drive(context, transfer).trouble, "");
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    EXPECT_EQ(content_at(to_, 0, receipt.delivered), pattern(seed, 0, receipt.delivered));
  }
}

TEST_F(DirectIo, a_file_that_always_answers_eagain_ends_it) {
  for (const std::string_view call : {"pread", "pwrite"}) {
    const ScopedFaults faults(
        {{.call = call, .times = always, .error_number = EAGAIN},
         {.call = "io_uring_queue_init_params", .times = always, .error_number = EPERM}});
    const Receipt receipt = run(source(), sink());
    EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    EXPECT_EQ(receipt.delivered, 0u);
  }
}

TEST_F(DirectIo, short_counts) {
  for (const std::string_view call : {read_call_, write_call_, std::string_view("pwrite")})
    for (const std::size_t at_most : {1, 4096, 12288}) {
      SCOPED_TRACE(call);
      ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
      const ScopedFaults faults({{.call = call, .times = 40, .shorten_to = at_most}});
      expect_whole(run(source(), sink()));
      EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
    }
}

// Whatever operation fails: what is delivered is an unbroken prefix, and nothing is in flight.
TEST_F(DirectIo, data_errors_end_it_with_an_exact_prefix) {
  if (!ring_errors_can_be_injected()) GTEST_SKIP() << no_injection;
  for (const std::string_view call : {"ring_read", "ring_write", "pwrite"})
    for (const std::uint64_t place : {1, 2, 3, 9, 14})
      for (const int error_number : {EIO, ENOSPC}) {
        SCOPED_TRACE(std::string(call) + " " + std::to_string(place));
        ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
        const ScopedFaults faults({{.call = call, .first = place, .error_number = error_number}});
        const Receipt receipt = run(source(), sink());
        if (faults.fired() == 0) {
          expect_whole(receipt);
          continue;
        }
        EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
        ASSERT_TRUE(receipt.error);
        EXPECT_TRUE(receipt.error->is(error_number)) << describe(receipt);
        EXPECT_EQ(receipt.error->subject, call == "ring_read" ? "source" : "sink");
        EXPECT_LT(receipt.delivered, size);
        EXPECT_EQ(context_.counters().operations, 0u);
        EXPECT_LE(size_of(to_), size);
        EXPECT_EQ(content_at(to_, 0, receipt.delivered), pattern(seed, 0, receipt.delivered));
        if (call == "ring_read") {
          EXPECT_EQ(receipt.delivered, (place - 1) * mib);
          EXPECT_EQ(size_of(to_), receipt.delivered) << "nothing of later blocks is written";
        }
      }
}

TEST_F(DirectIo, capability_errors_are_refusals_at_any_place) {
  if (!ring_errors_can_be_injected()) GTEST_SKIP() << no_injection;
  for (const std::string_view call : {"ring_read", "ring_write", "pwrite"})
    for (const std::uint64_t place : {1, 3}) {
      SCOPED_TRACE(call);
      ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
      const ScopedFaults faults({{.call = call, .first = place, .error_number = EINVAL}});
      const Receipt receipt = run(source(), sink());
      if (faults.fired() == 0) continue;
      ASSERT_EQ(receipt.refusals.size(), 1u) << describe(receipt);
      EXPECT_EQ(receipt.refusals[0].error_number, EINVAL);
      EXPECT_EQ(receipt.refusals[0].at, receipt.delivered);
      EXPECT_EQ(content_at(to_, 0, receipt.delivered), pattern(seed, 0, receipt.delivered));
    }
}

TEST_F(DirectIo, what_is_asked_first_may_be_denied) {
  for (const std::string_view call : {"statx", "open", "fcntl"}) {
    SCOPED_TRACE(call);
    const ScopedFaults faults({{.call = call,
                                .first = call == "fcntl" ? 2u : 1u,
                                .times = always,
                                .error_number = EPERM}});
    const Receipt receipt = run(source(), sink());
    EXPECT_EQ(receipt.ending, Ending::failed);
    ASSERT_EQ(receipt.refusals.size(), 1u) << describe(receipt);
    EXPECT_EQ(receipt.refusals[0].error_number, EPERM) << describe(receipt);
    EXPECT_EQ(receipt.delivered, 0u);
  }
}

TEST_F(DirectIo, a_file_that_opens_at_one_end_only_is_enough) {
  const ScopedFaults faults({{.call = "open", .error_number = EINVAL}});
  expect_whole(run(source(), sink(7)));  // the sink's blocks need not agree with the source's then
  EXPECT_EQ(faults.seen("ring_read"), 0u);
  EXPECT_GE(faults.seen(write_call_), size / mib);
  EXPECT_EQ(content_at(to_, 7, size), pattern(seed, 0, size));
}

TEST_F(DirectIo, a_source_that_shrinks) {
  for (const std::uint64_t now : {4 * mib, 4 * mib + 77}) {
    write_pattern(from_, 0, size);
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    const ScopedFaults faults(
        {{.first = 2,
          .before = [&] { EXPECT_EQ(::ftruncate(from_.number(), static_cast<off_t>(now)), 0); }}});
    const Receipt receipt = run(source({0, size}), sink());
    EXPECT_EQ(receipt.ending, Ending::source_shrank) << describe(receipt);
    EXPECT_EQ(receipt.delivered, now);
    EXPECT_EQ(size_of(to_), now) << "nothing behind it";
    EXPECT_EQ(content_of(to_), pattern(seed, 0, now));
  }
}

TEST_F(DirectIo, one_file_at_both_ends_is_refused) {
  const Receipt receipt = run(source({0, mib}), Sink::file(from_.ref(), 2 * mib));
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(Errc::does_not_fit)) << describe(receipt);
  EXPECT_TRUE(receipt.error->hint.contains("one file")) << receipt.error->hint;
}

TEST_F(DirectIo, cursors_move_by_what_was_delivered) {
  if (!ring_errors_can_be_injected()) GTEST_SKIP() << no_injection;
  ASSERT_EQ(::lseek(from_.number(), 4096, SEEK_SET), 4096);
  ASSERT_EQ(::lseek(to_.number(), 8192, SEEK_SET), 8192);
  expect_whole(run(source({at_cursor, 3 * mib + 5}), sink(at_cursor)), 3 * mib + 5);
  EXPECT_EQ(cursor_of(from_), static_cast<std::int64_t>(4096 + 3 * mib + 5));
  EXPECT_EQ(cursor_of(to_), static_cast<std::int64_t>(8192 + 3 * mib + 5));
  EXPECT_EQ(content_at(to_, 8192, 3 * mib + 5), pattern(seed, 4096, 3 * mib + 5));
  const ScopedFaults faults({{.call = "ring_read", .first = 2, .error_number = EIO}});
  const Receipt receipt = run(source({at_cursor, 3 * mib}), sink());
  EXPECT_EQ(receipt.ending, Ending::failed);
  EXPECT_EQ(receipt.stranded, 0u) << "what was read ahead is still in the file";
  EXPECT_EQ(cursor_of(from_), static_cast<std::int64_t>(4096 + 3 * mib + 5 + receipt.delivered));
}

TEST_F(DirectIo, holes_stay_holes) {
  const std::array extents{Extent{0, 5000}, Extent{2 * mib, 3 * mib}, Extent{9 * mib + 8192, 1}};
  const OwnedFd sparse = sparse_file(seed, 64 * mib + 3, extents);
  const Receipt receipt = run(Source::file(sparse.ref()), sink());
  expect_whole(receipt, 64 * mib + 3);
  EXPECT_GT(receipt.holes, 50 * mib);
  EXPECT_LT(allocated_bytes_of(to_), 8 * mib);
  EXPECT_EQ(content_of(to_), content_of(sparse));
}

TEST_F(DirectIo, stops_with_nothing_in_flight_and_goes_on) {
  Transfer transfer = Transfer::start(context_, source(), sink(), forced());
  drive(context_, transfer, default_step_limit,
        [](const Step& step) { return step.delivered >= 3 * mib; });
  transfer.cancel();
  EXPECT_EQ(drive(context_, transfer).last.state, State::stopped);
  EXPECT_EQ(context_.counters().operations, 0u);
  const Receipt stopped = transfer.receipt();
  EXPECT_EQ(stopped.ending, Ending::cancelled);
  EXPECT_EQ(stopped.stranded, 0u);
  EXPECT_EQ(transfer.step().taken, stopped.delivered);
  EXPECT_EQ(content_of(to_), pattern(seed, 0, stopped.delivered)) << "all that was written counts";
  transfer.resume({});
  drive(context_, transfer);
  expect_whole(transfer.receipt());
  EXPECT_EQ(content_of(to_), pattern(seed, 0, size));
}

TEST_F(DirectIo, is_destroyed_with_operations_in_flight) {
  for (const unsigned steps : {1u, 2u, 5u}) {
    Context context = make_context();
    {
      Transfer transfer = Transfer::start(context, source(), sink(), forced());
      for (unsigned step = 0; step < steps; ++step) transfer.step();
    }
    EXPECT_EQ(context.counters().stranded_bytes, 0u);
  }
  {
    Context context = make_context();
    Transfer transfer = Transfer::start(context, source(), sink(), forced());
    transfer.step();
    transfer.step();
  }
  expect_whole(run(source(), sink()));
}

TEST_F(DirectIo, several_at_once_share_the_ring) {
  if (!no_ring_.empty()) GTEST_SKIP() << "no io_uring here: " << no_ring_;
  std::vector<OwnedFd> sinks;
  std::vector<Transfer> transfers;
  for (int i = 0; i < 20; ++i) {
    sinks.push_back(file_with({}));
    transfers.push_back(Transfer::start(context_, source({0, 2 * mib + 5}),
                                        Sink::file(sinks.back().ref()), forced()));
  }
  for (Transfer& transfer : transfers) transfer.step(4096);
  for (Transfer& transfer : transfers) EXPECT_EQ(drive(context_, transfer, mib).trouble, "");
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    expect_whole(transfers[i].receipt(), 2 * mib + 5);
    EXPECT_EQ(content_of(sinks[i]), pattern(seed, 0, 2 * mib + 5));
  }
}

TEST_F(DirectIo, what_is_in_memory_has_none) {
  const OwnedFd memory(::memfd_create("leat-test", MFD_CLOEXEC));
  write_pattern(memory, 0, size);
  Pair tcp = make_tcp_pair();
  // A length that is given is not looked at before: the first step tells.
  for (const Range range : {Range{0, 10}, Range{}}) {
    const Receipt refused = run(Source::file(memory.ref(), range), Sink::socket(tcp.to.ref()));
    ASSERT_TRUE(refused.error);
    EXPECT_TRUE(refused.error->is(Errc::does_not_fit)) << describe(refused);
    EXPECT_TRUE(refused.error->hint.contains("O_DIRECT")) << refused.error->hint;
  }
  expect_whole(run(Source::file(memory.ref()), sink(5)));
  EXPECT_EQ(content_at(to_, 5, size), pattern(seed, 0, size));
  ASSERT_EQ(::ftruncate(memory.number(), 0), 0);
  expect_whole(run(source(), Sink::file(memory.ref())));
  EXPECT_EQ(content_of(memory), pattern(seed, 0, size));
}

}  // namespace
}  // namespace leat::testing
