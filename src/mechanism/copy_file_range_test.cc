// Goal: copy_file_range meets its pitfalls: 3, 4, 5, 32. Method: a pump stepped by hand, whole
// transfers, and errnos through the seam.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>

#include <gtest/gtest.h>

#include <leat/costs.h>
#include <leat/transfer.h>

#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pump_bench.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using Outcome = Moved::Outcome;

class CopyFileRangeTest : public GuardedTest {
 protected:
  static constexpr std::uint64_t size = 300'001;
  OwnedFd from_ = pattern_file(7, size);
  OwnedFd to_ = file_with({});

  PumpBench bench() {
    return {"copy_file_range", Source::file(from_.ref(), {0, size}), Sink::file(to_.ref())};
  }
  /// In the fixed order, which has it first from 256 KiB on, whatever a host's figures say.
  Receipt copy() { return copy_to(to_); }
  Receipt copy_to(FdRef to) {
    Context context = make_context({.costs = std::make_shared<const Costs>()});
    return transfer(context, Source::file(from_.ref(), {0, size}), Sink::file(to));
  }
};

TEST_F(CopyFileRangeTest, says_why_it_does_not_fit) {
  const SourceFacts file{.kind = Kind::file, .regular = true, .true_size = true};
  const SinkFacts sink{.kind = Kind::file, .regular = true};
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    std::string_view reason;  // a part of it; empty: it fits
  };
  const std::array rows{
      Row{file, sink, ""},
      Row{file, {.kind = Kind::socket}, "file to file"},
      Row{{.kind = Kind::pipe}, sink, "file to file"},
      Row{{.kind = Kind::file, .true_size = true}, sink, "regular"},
      Row{file, {.kind = Kind::file}, "regular"},
      Row{{.kind = Kind::file, .regular = true}, sink, "size"},
      Row{file, {.kind = Kind::file, .regular = true, .append = true}, "O_APPEND"}};
  for (const Row& row : rows) {
    const Fit fit = fit_of("copy_file_range", row.source, row.sink);
    EXPECT_EQ(fit.fits, row.reason.empty()) << fit.reason;
    EXPECT_TRUE(fit.reason.contains(row.reason)) << fit.reason;
  }
}

TEST_F(CopyFileRangeTest, is_taken_from_file_to_file_and_nothing_else_is_called) {
  const ScopedFaults faults;
  const Receipt receipt = copy();
  EXPECT_TRUE(moved_by_alone(receipt, *Mechanism::named("copy_file_range"))) << describe(receipt);
  EXPECT_EQ(faults.seen("copy_file_range"), 1u);
  for (const auto& [call, count] : faults.all_seen())
    EXPECT_TRUE(call == "copy_file_range" || !moves_bytes(call)) << call;
  EXPECT_EQ(content_of(to_), content_of(from_));
  EXPECT_EQ(receipt.legs[0].known_by, KnownBy::unknown) << "blocks may be shared instead";
}

TEST_F(CopyFileRangeTest, is_not_taken_to_a_pipe) {
  const Pair pipe = make_pipe_pair();
  const ScopedFaults faults;
  const Receipt receipt = transfer(Source::file(from_.ref(), {0, 100}), Sink::pipe(pipe.to.ref()));
  EXPECT_TRUE(receipt.ok());
  EXPECT_EQ(faults.seen("copy_file_range"), 0u);
}

// A size that lies makes 0 mean nothing: the file must be read.
TEST_F(CopyFileRangeTest, is_not_taken_from_proc) {
  const OwnedFd proc(::open("/proc/self/mounts", O_RDONLY | O_CLOEXEC));
  const ScopedFaults faults;
  const Receipt receipt = transfer(Source::file(proc.ref()), Sink::file(to_.ref()));
  EXPECT_EQ(receipt.ending, Ending::end_of_source) << describe(receipt);
  EXPECT_GT(receipt.delivered, 0u);
  EXPECT_EQ(faults.seen("copy_file_range"), 0u);
  EXPECT_EQ(text_of(to_), text_of("/proc/self/mounts"));
}

TEST_F(CopyFileRangeTest, a_short_count_is_progress) {
  PumpBench bench = this->bench();
  const ScopedFaults faults({{.call = "copy_file_range", .shorten_to = 4095}});
  const Moved moved = bench.step(100'000);
  EXPECT_EQ(moved.outcome, Outcome::progress);
  EXPECT_EQ(moved.delivered, 4095u);
  EXPECT_EQ(bench.step(size - 4095).delivered, size - 4095);
  EXPECT_EQ(content_of(to_), content_of(from_));
}

TEST_F(CopyFileRangeTest, zero_is_the_end_of_the_source) {
  PumpBench bench = this->bench();
  ASSERT_EQ(::ftruncate(from_.number(), 100), 0);
  EXPECT_EQ(bench.step(1000).delivered, 100u);
  EXPECT_EQ(bench.step(900).outcome, Outcome::source_ended);
}

TEST_F(CopyFileRangeTest, leaves_the_offsets_of_borrowed_files) {
  PumpBench bench = this->bench();
  bench.to_offset = 77;
  EXPECT_EQ(bench.step(1000).delivered, 1000u);
  EXPECT_EQ(cursor_of(from_), 0);
  EXPECT_EQ(cursor_of(to_), 0);
  EXPECT_EQ(size_of(to_), 1077u);
}

TEST_F(CopyFileRangeTest, moves_the_offsets_if_those_are_what_is_used) {
  PumpBench bench("copy_file_range", *Source::descriptor(from_.ref()),
                  *Sink::descriptor(to_.ref()));
  EXPECT_EQ(bench.step(1000).delivered, 1000u);
  EXPECT_EQ(cursor_of(from_), 1000);
  EXPECT_EQ(cursor_of(to_), 1000);
}

// Each at the first byte and in the middle: another mechanism goes on from there.
TEST_F(CopyFileRangeTest, what_means_go_on_another_way) {
  for (const int number : {ENOSYS, EXDEV, EINVAL, EOPNOTSUPP, EPERM, EACCES, EBADF, ETXTBSY, ENOENT,
                           EIO, EFBIG, EISDIR, ENOMEM, EAGAIN})
    for (const std::uint64_t first : {std::uint64_t{1}, std::uint64_t{2}}) {
      SCOPED_TRACE(strerrorname_np(number));
      ASSERT_EQ(::ftruncate(to_.number(), 0), 0);
      const ScopedFaults faults(
          {{.call = "copy_file_range", .shorten_to = 10'007},
           {.call = "copy_file_range", .first = first, .error_number = number}});
      const Receipt receipt = copy();
      EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
      ASSERT_EQ(receipt.refusals.size(), 1u) << describe(receipt);
      EXPECT_EQ(receipt.refusals[0].error_number, number);
      EXPECT_EQ(receipt.refusals[0].at, first == 1 ? 0u : 10'007u);
      EXPECT_EQ(content_of(to_), content_of(from_));
    }
}

// The slower way must then finish or report a real error.
TEST_F(CopyFileRangeTest, a_disk_that_really_fails_is_told) {
  std::vector<FaultPlan> plans;
  for (const std::string_view call :
       {"copy_file_range", "sendfile", "splice", "read", "pread", "write", "pwrite"})
    plans.push_back({.call = call, .times = always, .error_number = EIO});
  const ScopedFaults faults(std::move(plans));
  const Receipt receipt = copy();
  EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(EIO));
  EXPECT_NE(receipt.error->operation, "copy_file_range");
}

TEST_F(CopyFileRangeTest, a_full_disk_fails_at_once) {
  for (const int number : {ENOSPC, EDQUOT}) {
    const ScopedFaults faults({{.call = "copy_file_range", .error_number = number}});
    const Receipt receipt = copy();
    EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    EXPECT_TRUE(receipt.refusals.empty());
    EXPECT_FALSE(receipt.error->hint.empty());
  }
}

TEST_F(CopyFileRangeTest, appending_is_refused_also_where_the_facts_are_old) {
  PumpBench bench = this->bench();
  ASSERT_EQ(::fcntl(to_.number(), F_SETFL, O_APPEND), 0);
  const Moved moved = bench.step(1000);
  EXPECT_EQ(moved.outcome, Outcome::refused);
  EXPECT_EQ(moved.error_number, EBADF);
}

// Between file systems the kernel may decline (EXDEV): then the receipt says so.
TEST_F(CopyFileRangeTest, from_another_file_system) {
  const OwnedFd memory(::memfd_create("leat-test", MFD_CLOEXEC));
  const Receipt receipt = copy_to(memory);
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_EQ(content_of(memory), content_of(from_));
  EXPECT_EQ(receipt.legs[0].mechanism.name(), "copy_file_range");
  if (receipt.legs[0].bytes == 0) {
    ASSERT_EQ(receipt.refusals.size(), 1u);
    EXPECT_EQ(receipt.refusals[0].error_number, EXDEV);
  }
}

}  // namespace
}  // namespace leat::testing
