// Goal: sendfile meets its pitfalls: 1, 3, 4, 6, 8, 12, 46. Method: a pump stepped by hand, and
// whole transfers with the calls counted by the seam.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pump_bench.h"
#include "support/run_case.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

using Outcome = Moved::Outcome;

class SendfileTest : public GuardedTest {
 protected:
  static constexpr std::uint64_t size = 200'001;
  OwnedFd file_ = pattern_file(7, size);
  Pair tcp_ = make_tcp_pair();

  PumpBench bench() {
    return {"sendfile", Source::file(file_.ref(), {0, size}), Sink::socket(tcp_.to.ref())};
  }
  StreamCheck received() {
    tcp_.to.reset();
    set_blocking(tcp_.from, Blocking::yes);
    return read_rest(tcp_.from, 7, 0);
  }
};

TEST_F(SendfileTest, says_why_it_does_not_fit) {
  const SourceFacts file{.kind = Kind::file};
  const SinkFacts socket{.kind = Kind::socket};
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    std::string_view reason;  // a part of it; empty: it fits
  };
  const std::array rows{Row{file, socket, ""},
                        Row{file, {.kind = Kind::pipe}, ""},
                        Row{file, {.kind = Kind::file, .cursor = true}, ""},
                        Row{file, {.kind = Kind::file, .owned = true}, ""},
                        Row{file, {.kind = Kind::socket, .waiting = Waiting::allowed}, ""},
                        Row{{.kind = Kind::socket}, socket, "not a file"},
                        Row{{.kind = Kind::memory}, socket, "not a file"},
                        Row{file, {.kind = Kind::memory}, "the sink"},
                        Row{file, {.kind = Kind::device}, "the sink"},
                        Row{file, {.kind = Kind::socket, .waiting = Waiting::flagged}, "blocking"},
                        Row{file, {.kind = Kind::pipe, .waiting = Waiting::polled}, "blocking"},
                        Row{file, {.kind = Kind::file, .cursor = true, .append = true}, "O_APPEND"},
                        Row{file, {.kind = Kind::file}, "borrowed"}};
  for (const Row& row : rows) {
    const Fit fit = fit_of("sendfile", row.source, row.sink);
    EXPECT_EQ(fit.fits, row.reason.empty()) << fit.reason;
    EXPECT_TRUE(fit.reason.contains(row.reason)) << fit.reason;
  }
}

TEST_F(SendfileTest, is_taken_from_file_to_socket_and_nothing_else_is_called) {
  const ScopedFaults faults;
  const Receipt receipt =
      transfer(Source::file(file_.ref(), {0, 1000}), Sink::socket(tcp_.to.ref()));
  EXPECT_TRUE(moved_by_alone(receipt, *Mechanism::named("sendfile"))) << describe(receipt);
  EXPECT_EQ(faults.seen("sendfile"), 1u);
  for (const auto& [call, count] : faults.all_seen())
    EXPECT_TRUE(call == "sendfile" || !moves_bytes(call)) << call;
}

TEST_F(SendfileTest, is_not_taken_from_memory) {
  const ScopedFaults faults;
  const Receipt receipt = transfer(Source(std::string_view("hello")), Sink::socket(tcp_.to.ref()));
  EXPECT_TRUE(receipt.ok());
  EXPECT_EQ(faults.seen("sendfile"), 0u);
}

TEST_F(SendfileTest, a_short_count_is_progress_and_eagain_is_a_full_sink) {
  PumpBench bench = this->bench();
  {
    const ScopedFaults faults({{.call = "sendfile", .shorten_to = 7}});
    const Moved moved = bench.step(1000);
    EXPECT_EQ(moved.outcome, Outcome::progress);
    EXPECT_EQ(moved.taken, 7u);
    EXPECT_EQ(moved.delivered, 7u);
    EXPECT_EQ(moved.calls, 1u);
  }
  {
    const ScopedFaults faults({{.call = "sendfile", .error_number = EAGAIN}});
    const Moved moved = bench.step(1000);
    EXPECT_EQ(moved.outcome, Outcome::wait_sink);
    EXPECT_EQ(moved.delivered, 0u);
    EXPECT_EQ(moved.calls, 1u) << "a call that moved nothing is a call";
  }
  EXPECT_EQ(bench.step(993).delivered, 993u);
  const StreamCheck check = received();
  EXPECT_EQ(check.mismatch(), "");
  EXPECT_EQ(check.count(), 1000u);
}

TEST_F(SendfileTest, moves_no_more_than_it_may) {
  PumpBench bench = this->bench();
  EXPECT_EQ(
      bench.step({.take = 100, .deliver = 30, .remaining = 100, .more_follows = false}).delivered,
      30u);
  EXPECT_EQ(
      bench.step({.take = 20, .deliver = 300, .remaining = 70, .more_follows = false}).delivered,
      20u);
}

TEST_F(SendfileTest, zero_is_the_end_of_the_source) {
  PumpBench bench = this->bench();
  ASSERT_EQ(::ftruncate(file_.number(), 100), 0);
  EXPECT_EQ(bench.step(1000).delivered, 100u);
  const Moved moved = bench.step(900);
  EXPECT_EQ(moved.outcome, Outcome::source_ended);
  EXPECT_EQ(moved.delivered, 0u);
}

TEST_F(SendfileTest, leaves_the_offset_of_a_borrowed_file) {
  PumpBench bench = this->bench();
  EXPECT_EQ(bench.step(1000).delivered, 1000u);
  EXPECT_EQ(cursor_of(file_), 0);
}

TEST_F(SendfileTest, moves_the_offset_if_that_is_what_is_read) {
  PumpBench bench("sendfile", *Source::descriptor(file_.ref()), Sink::socket(tcp_.to.ref()));
  EXPECT_EQ(bench.step(1000).delivered, 1000u);
  EXPECT_EQ(cursor_of(file_), 1000);
}

TEST_F(SendfileTest, capability_errors_refuse_and_data_errors_fail) {
  for (const int number : {EINVAL, ENOSYS, EPERM, EOPNOTSUPP, ENOMEM, EMFILE}) {
    const ScopedFaults faults({{.call = "sendfile", .error_number = number}});
    const Moved moved = bench().step(10);
    EXPECT_EQ(moved.outcome, Outcome::refused) << strerrorname_np(number);
    EXPECT_EQ(moved.error_number, number);
    EXPECT_EQ(moved.operation, "sendfile");
  }
  for (const int number : {EIO, EPIPE, ECONNRESET, ENOSPC}) {
    const ScopedFaults faults({{.call = "sendfile", .error_number = number}});
    EXPECT_EQ(bench().step(10).outcome, Outcome::failed) << strerrorname_np(number);
  }
}

TEST_F(SendfileTest, another_goes_on_where_it_refused) {
  Context context = make_context();
  Drainer drainer(std::move(tcp_.from), {.seed = 7});
  const ScopedFaults faults({{.call = "sendfile", .times = 2, .shorten_to = 10'001},
                             {.call = "sendfile", .first = 3, .error_number = EINVAL}});
  const Receipt receipt =
      transfer(context, Source::file(file_.ref(), {0, 50'001}), Sink::socket(tcp_.to.ref()));
  tcp_.to.reset();
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_EQ(receipt.legs[0].bytes, 20'002u);
  ASSERT_EQ(receipt.refusals.size(), 1u);
  EXPECT_EQ(receipt.refusals[0].at, 20'002u);
  EXPECT_EQ(receipt.refusals[0].error_number, EINVAL);
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), 50'001u);
}

// The default action of SIGPIPE would end the test.
TEST_F(SendfileTest, a_gone_reader_is_an_error_and_no_signal) {
  Pair pipe = make_pipe_pair();
  pipe.from.reset();
  PumpBench bench("sendfile", Source::file(file_.ref(), {0, size}), Sink::pipe(pipe.to.ref()));
  const Moved moved = bench.step(1000);
  EXPECT_EQ(moved.outcome, Outcome::failed);
  EXPECT_EQ(moved.error_number, EPIPE);
}

// Standard output, say, taken for a file: what a descriptor is called changes nothing about it.
TEST_F(SendfileTest, a_pipe_that_is_called_a_file_raises_no_signal_either) {
  const auto exit_status = [&] {
    ::signal(SIGPIPE, SIG_DFL);
    Pair pipe = make_pipe_pair();
    pipe.from.reset();
    const Receipt receipt =
        transfer(Source::file(file_.ref(), {0, 1000}), Sink::file(pipe.to.ref(), at_cursor),
                 {.mechanism = *Mechanism::named("sendfile")});
    return receipt.error && receipt.error->is(EPIPE) ? 0 : 1;
  };
  EXPECT_EXIT(::_exit(exit_status()), ::testing::ExitedWithCode(0), "");
}

// One call sends many pages; if the reader leaves between two of them, it returns what it has sent
// *and* raises SIGPIPE: there is no EPIPE to tell of it. Whether he does is chance, so it is tried
// often; the code is right only if it never matters.
TEST_F(SendfileTest, a_reader_who_leaves_in_mid_call_is_no_signal) {
  const OwnedFd large = pattern_file(7, 4 << 20);
  for (int attempt = 0; attempt < 50; ++attempt) {
    Pair local = make_unix_pair();
    const int room = 8 << 20;
    ::setsockopt(local.to.number(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    PumpBench bench("sendfile", Source::file(large.ref()), Sink::socket(local.to.ref()));
    const std::jthread reader([from = std::move(local.from)]() mutable {
      wait_for(from, POLLIN);
      from.reset();
    });
    const Moved moved = bench.step(4 << 20);
    EXPECT_TRUE(moved.outcome == Outcome::progress || moved.error_number == EPIPE);
    bench.surrender();
  }
}

// Into a file it writes at the descriptor's own offset, which must follow where the bytes belong:
// also behind a hole that was passed over.
TEST_F(SendfileTest, writes_an_owned_file_where_it_is_told) {
  const OwnedFd sink = file_with({});
  const Sink owned = Sink::file(duplicate(sink), 100);
  PumpBench bench("sendfile", Source::file(file_.ref(), {0, size}), owned);
  EXPECT_EQ(bench.step(50).delivered, 50u);
  EXPECT_EQ(bench.step(50).delivered, 50u);
  bench.from_offset = bench.to_offset = 9000;
  EXPECT_EQ(bench.step(50).delivered, 50u);
  const std::string text = text_of(sink);
  const std::string whole = text_of(file_);
  ASSERT_EQ(text.size(), 9050u);
  EXPECT_EQ(text.substr(100, 100), whole.substr(0, 100));
  EXPECT_EQ(text.substr(9000), whole.substr(9000, 50));
}

TEST_F(SendfileTest, surrenders_nothing) {
  PumpBench bench = this->bench();
  bench.step(1000);
  EXPECT_EQ(bench.surrender().bytes, 0u);
}

}  // namespace
}  // namespace leat::testing
