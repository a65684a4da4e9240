// Goal: mmap_write meets its pitfalls: 5, 6, 37, 38, and zeros behind a file's end never pass for
// its bytes. Method: a pump stepped by hand, whole transfers, files that change just before a call
// is made, and errnos through the seam.

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <leat/plan.h>
#include <leat/transfer.h>

#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/pump_bench.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using Outcome = Moved::Outcome;

const Mechanism mmap_write = *Mechanism::named("mmap_write");
constexpr std::uint64_t page = 4096;

class MmapWrite : public GuardedTest {
 protected:
  static constexpr std::uint64_t seed = 11;
  static constexpr std::uint64_t size = 9'000'001;  // two windows and a bit
  OwnedFd from_ = pattern_file(seed, size);
  OwnedFd to_ = file_with({});

  PumpBench bench(std::uint64_t length = size) {
    return {"mmap_write", Source::file(from_.ref(), {0, length}), Sink::file(to_.ref())};
  }
  Receipt copy(Range range = {}, Options options = {.mechanism = mmap_write}) {
    return transfer(Source::file(from_.ref(), range), Sink::file(to_.ref()), options);
  }
};

TEST_F(MmapWrite, says_why_it_does_not_fit) {
  const SourceFacts file{.kind = Kind::file, .regular = true, .true_size = true, .promised = 10};
  SourceFacts disk = file;
  disk.regular = false;
  SourceFacts endless = file;
  endless.promised = to_end;
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    std::string_view reason;
  };
  for (const Row& row :
       {Row{file, {.kind = Kind::socket, .waiting = Waiting::flagged}, ""},
        Row{file, {.kind = Kind::pipe, .waiting = Waiting::polled}, ""},
        Row{file, {.kind = Kind::file, .append = true}, ""}, Row{disk, {.kind = Kind::file}, ""},
        Row{{.kind = Kind::pipe}, {.kind = Kind::file}, "not a file"},
        Row{file, {.kind = Kind::memory}, "the sink"},
        Row{file, {.kind = Kind::device}, "the sink"},
        Row{endless, {.kind = Kind::socket}, "is not known"},
        Row{{.kind = Kind::file, .promised = 10}, {.kind = Kind::file}, "zeros"}}) {
    const Fit fit = fit_of("mmap_write", row.source, row.sink);
    EXPECT_EQ(fit.fits, row.reason.empty()) << fit.reason;
    EXPECT_TRUE(fit.reason.contains(row.reason)) << fit.reason;
  }
}

TEST_F(MmapWrite, writes_from_windows_and_reads_nothing) {
  const ScopedFaults faults;
  const Receipt receipt = copy();
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_TRUE(moved_by_alone(receipt, mmap_write)) << describe(receipt);
  EXPECT_EQ(receipt.legs[0].cpu_copied_bytes, size);
  EXPECT_EQ(receipt.legs[0].known_by, KnownBy::construction);
  for (const auto& [call, count] : faults.all_seen())
    EXPECT_TRUE(call == "pwrite" || !moves_bytes(call)) << call;
  EXPECT_EQ(faults.seen("mmap"), 3u);
  EXPECT_EQ(faults.seen("munmap"), 3u);
  EXPECT_EQ(content_of(to_), content_of(from_));
  EXPECT_EQ(cursor_of(from_), 0);
  EXPECT_EQ(cursor_of(to_), 0);
}

TEST_F(MmapWrite, comes_after_what_does_not_copy) {
  const Pair tcp = make_tcp_pair();
  const Plan plan = leat::plan(Source::file(from_.ref()), Sink::socket(tcp.to.ref()), {}, Costs());
  std::string order;
  for (const Candidate& each : plan.candidates) {
    if (each.fits) order += std::string(each.mechanism.name()) + " ";
  }
  EXPECT_EQ(order, "splice sendfile mmap_write read_write direct_io ");
  EXPECT_EQ(plan.candidates[2].cpu_copies, 1u);
}

// Its calls can be kept from waiting, so it serves what sendfile and splice must leave alone.
TEST_F(MmapWrite, a_blocking_socket_is_not_waited_for) {
  const Pair tcp = make_tcp_pair(Blocking::yes);
  Context context = make_context();
  Transfer transfer =
      Transfer::start(context, Source::file(from_.ref()), Sink::socket(tcp.to.ref()));
  const Drive drive = testing::drive(context, transfer, default_step_limit,
                                     [](const Step& step) { return step.state == State::blocked; });
  EXPECT_EQ(drive.last.state, State::blocked) << "nobody reads";
  EXPECT_GT(drive.last.delivered, 0u);
  EXPECT_LT(drive.last.delivered, size);
  EXPECT_EQ(drive.last.wait.slots[0].events, POLLOUT);
  EXPECT_TRUE(moved_by_alone(transfer.receipt(), mmap_write)) << describe(transfer.receipt());
}

TEST_F(MmapWrite, unaligned_stretches) {
  for (const Range& range : {Range{1, 1}, Range{4095, 2}, Range{4097, 4 << 20}, Range{size - 1, 1},
                             Range{(4 << 20) - 1, 4097}, Range{123, to_end}}) {
    SCOPED_TRACE(range.offset);
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    const Receipt receipt = copy(range);
    EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
    const std::uint64_t length = range.length == to_end ? size - range.offset : range.length;
    EXPECT_EQ(receipt.delivered, length);
    EXPECT_EQ(content_of(to_), pattern(seed, range.offset, length));
  }
}

// 38: mmap(2) takes no length of 0.
TEST_F(MmapWrite, nothing_is_not_mapped) {
  const ScopedFaults faults;
  const OwnedFd empty = file_with({});
  EXPECT_TRUE(
      transfer(Source::file(empty.ref()), Sink::file(to_.ref()), {.mechanism = mmap_write}).ok());
  EXPECT_TRUE(copy({5, 0}).ok());
  EXPECT_EQ(faults.seen("mmap"), 0u);
}

TEST_F(MmapWrite, moves_the_offsets_if_those_are_what_is_used) {
  ASSERT_EQ(::lseek(from_.number(), 1001, SEEK_SET), 1001);
  PumpBench bench("mmap_write", *Source::descriptor(from_.ref()), *Sink::descriptor(to_.ref()));
  EXPECT_EQ(bench.step(5000).delivered, 5000u);
  EXPECT_EQ(bench.step(300).delivered, 300u);
  EXPECT_EQ(cursor_of(from_), 6301);
  EXPECT_EQ(cursor_of(to_), 5300);
  EXPECT_EQ(content_of(to_), pattern(seed, 1001, 5300));
}

TEST_F(MmapWrite, appends) {
  ASSERT_EQ(::fcntl(to_.number(), F_SETFL, O_APPEND), 0);
  EXPECT_TRUE(copy({0, 10'000}).ok());
  EXPECT_TRUE(copy({10'000, 10'000}).ok());
  EXPECT_EQ(content_of(to_), pattern(seed, 0, 20'000));
}

TEST_F(MmapWrite, surrenders_nothing_and_unmaps) {
  PumpBench bench = this->bench();
  const ScopedFaults faults;
  EXPECT_EQ(bench.step(1000).delivered, 1000u);
  EXPECT_EQ(faults.seen("munmap"), 0u);
  EXPECT_EQ(bench.surrender().bytes, 0u);
  EXPECT_EQ(faults.seen("munmap"), 1u);
}

TEST_F(MmapWrite, more_only_if_the_last_byte_is_in_the_call) {
  const Pair tcp = make_tcp_pair();
  PumpBench bench("mmap_write", Source::file(from_.ref(), {0, 1000}), Sink::socket(tcp.to.ref()));
  EXPECT_FALSE(
      bench.step({.take = 10, .deliver = 10, .remaining = 1000, .more_follows = true}).held_back);
  EXPECT_TRUE(bench.step(990, true).held_back);
}

TEST_F(MmapWrite, a_reader_that_is_gone_kills_nobody) {
  Pair pipe = make_pipe_pair();
  pipe.from.reset();
  PumpBench bench("mmap_write", Source::file(from_.ref(), {0, 1000}), Sink::pipe(pipe.to.ref()));
  const Moved moved = bench.step(1000);
  EXPECT_EQ(moved.outcome, Outcome::failed);
  EXPECT_EQ(moved.error_number, EPIPE);
  EXPECT_EQ(moved.side, Moved::Side::sink);
}

TEST_F(MmapWrite, a_full_sink_is_waited_for) {
  const Pair pipe = make_pipe_pair();
  PumpBench bench("mmap_write", Source::file(from_.ref(), {0, size}), Sink::pipe(pipe.to.ref()));
  std::uint64_t delivered = 0;
  Moved moved;
  do {
    moved = bench.step(1 << 20);
    delivered += moved.delivered;
  } while (moved.outcome == Outcome::progress);
  EXPECT_EQ(moved.outcome, Outcome::wait_sink);
  EXPECT_EQ(delivered, 64u << 10);
}

// A blocking pipe gets what it surely takes.
TEST_F(MmapWrite, a_pipe_that_must_be_asked) {
  const Pair pipe = make_pipe_pair(Blocking::yes);
  PumpBench bench("mmap_write", Source::file(from_.ref(), {0, size}), Sink::pipe(pipe.to.ref()));
  ASSERT_EQ(bench.sink.waiting, Waiting::polled);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(bench.step(1 << 20).delivered, page);
  EXPECT_EQ(bench.step(1 << 20).outcome, Outcome::wait_sink);
}

/// Steps of 64 KiB; `new_size` just before the call that has byte `at` in it.
struct Truncated {
  std::uint64_t at;
  std::uint64_t new_size;
  std::uint64_t delivered;
};

// 37: what is there when the call is made is sent, and zeros up to its page's end; then the size
// tells. In the middle of the first window, at a border of pages, and in the very last call.
TEST_F(MmapWrite, zeros_behind_a_truncation_do_not_make_it_complete) {
  constexpr std::uint64_t step = 64 << 10;
  constexpr std::uint64_t last = size - size % step;
  for (const Truncated& row :
       {Truncated{step, step + 5000, step + 2 * page},
        Truncated{step, step + 2 * page, step + 2 * page}, Truncated{step, step, step},
        Truncated{step, step - 1, step}, Truncated{last, last + 1, last + page},
        // Only the last page: all of the call succeeds, and is not believed.
        Truncated{last, size - 1, size}}) {
    SCOPED_TRACE(std::to_string(row.at) + " cut to " + std::to_string(row.new_size));
    const OwnedFd file = pattern_file(seed, size);
    ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
    Context context = make_context();
    Transfer transfer = Transfer::start(context, Source::file(file.ref()), Sink::file(to_.ref()),
                                        {.mechanism = mmap_write});
    const ScopedFaults faults(
        {{.call = "pwrite", .first = row.at / step + 1, .before = [&] {
            EXPECT_EQ(::ftruncate(file.number(), static_cast<off_t>(row.new_size)), 0);
          }}});
    EXPECT_EQ(drive(context, transfer, step).trouble, "");
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(receipt.ending, Ending::source_shrank) << describe(receipt);
    EXPECT_EQ(receipt.delivered, row.delivered) << describe(receipt);
    EXPECT_EQ(size_of(to_), row.delivered);
    auto expected = pattern(seed, 0, std::max(row.new_size, row.at));
    expected.resize(row.delivered);  // zeros
    EXPECT_EQ(content_of(to_), expected);
  }
}

// It had the bytes when it was looked at; more there is not to be seen.
TEST_F(MmapWrite, cut_and_grown_again_is_a_file_of_zeros) {
  const ScopedFaults faults({{.call = "pwrite", .before = [&] {
                                EXPECT_EQ(::ftruncate(from_.number(), 1000), 0);
                                EXPECT_EQ(::ftruncate(from_.number(), size), 0);
                              }}});
  const Receipt receipt = copy();
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_EQ(content_of(to_), content_of(from_));
}

TEST_F(MmapWrite, a_source_shorter_than_promised_is_sent_to_its_last_byte) {
  const Receipt receipt = copy({0, size + 5});
  EXPECT_EQ(receipt.ending, Ending::source_shrank) << describe(receipt);
  EXPECT_EQ(receipt.delivered, size);
  const Receipt beyond = copy({size + page, 5});
  EXPECT_EQ(beyond.ending, Ending::source_shrank);
  EXPECT_EQ(beyond.delivered, 0u);
}

TEST_F(MmapWrite, a_source_that_grew_meanwhile_goes_on) {
  PumpBench bench = this->bench(size + 10);
  std::uint64_t left = size + 10;
  while (left > 10) left -= bench.step(left).delivered;
  EXPECT_EQ(left, 10u);
  ASSERT_EQ(::ftruncate(from_.number(), size + 10), 0);
  EXPECT_EQ(bench.step(left).delivered, 10u);
}

// 5: such files cannot be mapped, or have no size.
TEST_F(MmapWrite, proc_files_are_left_to_others) {
  const OwnedFd proc(::open("/proc/self/mounts", O_RDONLY | O_CLOEXEC));
  const Pair unix_pair = make_unix_pair();
  PumpBench bench("mmap_write", Source::file(proc.ref(), {0, 10}),
                  Sink::socket(unix_pair.to.ref()));
  const Moved moved = bench.step(10);
  EXPECT_EQ(moved.outcome, Outcome::refused);
  EXPECT_EQ(moved.error_number, ENODEV);
  const Receipt receipt = transfer(Source::file(proc.ref(), {0, 10}),
                                   Sink::socket(unix_pair.to.ref()), {.mechanism = mmap_write});
  EXPECT_EQ(receipt.ending, Ending::failed) << "not source_shrank";
}

// Where a size of 0 means nothing, it is not the end.
TEST_F(MmapWrite, a_size_that_is_not_told_is_no_end) {
  PumpBench bench = this->bench();
  ASSERT_EQ(::ftruncate(from_.number(), 0), 0);
  {
    const ScopedFaults faults({{.call = "fstatfs", .error_number = EPERM}});
    const Moved moved = bench.step(1000);
    EXPECT_EQ(moved.outcome, Outcome::refused);
    EXPECT_EQ(moved.error_number, 0);
  }
  EXPECT_EQ(bench.step(1000).outcome, Outcome::source_ended);
}

TEST_F(MmapWrite, what_means_go_on_another_way) {
  for (const int number : {ENODEV, EACCES, EAGAIN, ENOMEM, EPERM, EINVAL, EOVERFLOW, ENFILE})
    for (const std::uint64_t first : {std::uint64_t{1}, std::uint64_t{2}}) {
      SCOPED_TRACE(strerrorname_np(number));
      Pair tcp = make_tcp_pair(Blocking::yes);
      Drainer drainer(std::move(tcp.from), {.seed = seed});
      Receipt receipt;
      {
        const ScopedFaults faults({{.call = "mmap", .first = first, .error_number = number}});
        Context context = make_context();
        Transfer transfer =
            Transfer::start(context, Source::file(from_.ref()), Sink::socket(tcp.to.ref()));
        EXPECT_EQ(drive(context, transfer).trouble, "");
        receipt = transfer.receipt();
      }
      tcp.to.reset();
      EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
      ASSERT_EQ(receipt.refusals.size(), 1u) << describe(receipt);
      EXPECT_EQ(receipt.refusals[0].error_number, number);
      EXPECT_EQ(receipt.refusals[0].at, first == 1 ? 0u : 4u << 20);
      EXPECT_EQ(drainer.finish().check.mismatch(), "");
      EXPECT_EQ(drainer.finish().check.count(), size);
    }
}

// A page that cannot be read: another way finds out why.
TEST_F(MmapWrite, a_fault_within_the_file_is_a_refusal) {
  PumpBench bench = this->bench();
  const ScopedFaults faults({{.call = "pwrite", .error_number = EFAULT}});
  const Moved moved = bench.step(1000);
  EXPECT_EQ(moved.outcome, Outcome::refused);
  EXPECT_EQ(moved.error_number, EFAULT);
  EXPECT_EQ(moved.side, Moved::Side::source);
}

TEST_F(MmapWrite, without_advice_it_is_the_same) {
  const ScopedFaults faults({{.call = "madvise", .times = always, .error_number = EINVAL}});
  EXPECT_TRUE(copy().ok());
  EXPECT_GT(faults.fired(), 0u);
  EXPECT_EQ(content_of(to_), content_of(from_));
}

// Without the size what was sent cannot be vouched for; before the first byte there is another way.
TEST_F(MmapWrite, a_size_that_cannot_be_asked_for) {
  {
    PumpBench bench = this->bench();
    const ScopedFaults faults({{.call = "fstat", .error_number = EPERM}});
    EXPECT_EQ(bench.step(1000).outcome, Outcome::refused);
  }
  PumpBench bench = this->bench();
  const ScopedFaults faults({{.call = "fstat", .first = 2, .error_number = EPERM}});
  const Moved moved = bench.step(1000);
  EXPECT_EQ(moved.outcome, Outcome::failed);
  EXPECT_EQ(moved.delivered, 1000u);
}

TEST_F(MmapWrite, what_ends_the_transfer) {
  for (const int number : {ENOSPC, EIO, EDQUOT}) {
    const ScopedFaults faults({{.call = "pwrite", .first = 2, .error_number = number}});
    const Receipt receipt = copy();
    EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    EXPECT_TRUE(receipt.error->is(number));
    EXPECT_EQ(receipt.error->subject, "sink");
    EXPECT_EQ(receipt.delivered, default_step_limit);
  }
}

}  // namespace
}  // namespace leat::testing
