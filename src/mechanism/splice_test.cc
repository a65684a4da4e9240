// Goal: splice meets its pitfalls: 1, 3, 6, 7, 14 to 18, 21, 46. Method: a pump stepped by hand
// between real pipes and sockets, and whole transfers.

#include "os/splice.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "os/stream.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pump_bench.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using Outcome = Moved::Outcome;

class SpliceTest : public GuardedTest {
 protected:
  static constexpr std::uint64_t seed = 9;
  Pair in_ = make_pipe_pair();
  Pair out_ = make_pipe_pair();
  Pair tcp_ = make_tcp_pair();
  OwnedFd file_ = pattern_file(seed, 8 << 20);

  PumpBench pipe_to_pipe() {
    return {"splice", Source::pipe(in_.from.ref()), Sink::pipe(out_.to.ref())};
  }
  PumpBench file_to_socket() {
    return {"splice", Source::file(file_.ref()), Sink::socket(tcp_.to.ref())};
  }
  void feed(std::uint64_t position, std::uint64_t length) {
    ASSERT_EQ(os::write(in_.to, pattern(seed, position, length)), length);
  }
  /// Until it would wait.
  static void fill(FdRef sink) {
    const std::vector<std::byte> bytes(64 << 10);
    while (::write(sink.number(), bytes.data(), bytes.size()) > 0) {
    }
  }
  static void drain(FdRef source) {
    std::vector<std::byte> bytes(64 << 10);
    while (::read(source.number(), bytes.data(), bytes.size()) > 0) {
    }
  }
};

TEST_F(SpliceTest, says_why_it_does_not_fit) {
  const SourceFacts file{.kind = Kind::file};
  const SinkFacts socket{.kind = Kind::socket};
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    std::string_view reason;  // a part of it; empty: it fits
  };
  const std::array rows{
      Row{file, socket, ""},
      Row{{.kind = Kind::socket}, socket, ""},
      Row{{.kind = Kind::pipe}, {.kind = Kind::pipe}, ""},
      Row{{.kind = Kind::pipe, .waiting = Waiting::polled}, socket, ""},
      Row{file, {.kind = Kind::pipe, .waiting = Waiting::polled}, ""},
      Row{{.kind = Kind::memory}, socket, "vmsplice"},
      Row{file, {.kind = Kind::memory}, "the sink is memory"},
      Row{{.kind = Kind::device}, socket, "devices"},
      Row{file, {.kind = Kind::device}, "devices"},
      Row{{.kind = Kind::socket, .waiting = Waiting::flagged}, socket, "blocking"},
      Row{file, {.kind = Kind::socket, .waiting = Waiting::flagged}, "blocking"},
      Row{file, {.kind = Kind::file, .append = true}, "O_APPEND"}};
  for (const Row& row : rows) {
    const Fit fit = fit_of("splice", row.source, row.sink);
    EXPECT_EQ(fit.fits, row.reason.empty()) << fit.reason;
    EXPECT_TRUE(fit.reason.contains(row.reason)) << fit.reason;
  }
}

TEST_F(SpliceTest, is_taken_from_socket_to_socket_and_nothing_else_is_called) {
  Pair other = make_unix_pair();
  ASSERT_EQ(os::send(other.to, pattern(seed, 0, 5000), {}), 5000u);
  Context context = make_context();
  const ScopedFaults faults;
  const Receipt receipt =
      transfer(context, Source::socket(other.from.ref(), 5000), Sink::socket(tcp_.to.ref()));
  EXPECT_TRUE(moved_by_alone(receipt, *Mechanism::named("splice"))) << describe(receipt);
  EXPECT_GT(faults.seen("splice"), 0u);
  for (const auto& [call, count] : faults.all_seen())
    EXPECT_TRUE(call == "splice" || !moves_bytes(call)) << call;
}

TEST_F(SpliceTest, is_not_taken_from_memory) {
  const ScopedFaults faults;
  EXPECT_TRUE(transfer(Source(std::string_view("x")), Sink::pipe(out_.to.ref())).ok());
  EXPECT_EQ(faults.seen("splice"), 0u);
}

TEST_F(SpliceTest, a_pipe_at_one_end_needs_one_call_and_no_pipe) {
  feed(0, 3000);
  PumpBench bench = pipe_to_pipe();
  const Moved moved = bench.step(5000);
  EXPECT_EQ(moved.delivered, 3000u);
  EXPECT_EQ(moved.calls, 1u);
  EXPECT_EQ(bench.pipes.open_pipes(), 0u);
  EXPECT_EQ(read_rest(out_.from, seed, 0).mismatch(), "");
}

TEST_F(SpliceTest, without_one_it_takes_a_pair_of_calls_and_a_pipe) {
  PumpBench bench = file_to_socket();
  const Moved moved = bench.step(5000);
  EXPECT_EQ(moved.taken, 5000u);
  EXPECT_EQ(moved.delivered, 5000u);
  EXPECT_EQ(moved.calls, 2u);
  EXPECT_EQ(bench.pipes.open_pipes(), 1u);
  EXPECT_EQ(cursor_of(file_), 0);
}

// 14: EAGAIN does not say which side it means.
TEST_F(SpliceTest, waits_for_the_source_while_that_is_empty) {
  EXPECT_EQ(pipe_to_pipe().step(5000).outcome, Outcome::wait_source);
  PumpBench from_socket("splice", Source::socket(tcp_.from.ref()), Sink::pipe(out_.to.ref()));
  EXPECT_EQ(from_socket.step(5000).outcome, Outcome::wait_source);
  const OwnedFd sink = file_with({});
  PumpBench through_pipe("splice", Source::socket(tcp_.from.ref()), Sink::file(sink.ref()));
  EXPECT_EQ(through_pipe.step(5000).outcome, Outcome::wait_source);
}

TEST_F(SpliceTest, waits_for_the_sink_while_that_is_full) {
  feed(0, 3000);
  fill(out_.to);
  EXPECT_EQ(pipe_to_pipe().step(5000).outcome, Outcome::wait_sink);
  PumpBench from_file("splice", Source::file(file_.ref()), Sink::pipe(out_.to.ref()));
  EXPECT_EQ(from_file.step(5000).outcome, Outcome::wait_sink);
  fill(tcp_.to);
  PumpBench to_socket("splice", Source::pipe(in_.from.ref()), Sink::socket(tcp_.to.ref()));
  EXPECT_EQ(to_socket.step(5000).outcome, Outcome::wait_sink);
}

// A pipe counts slots: this one is full of 16 single bytes.
TEST_F(SpliceTest, waits_for_a_sink_that_is_full_of_slots) {
  for (std::uint64_t offset = 0; offset < 16; ++offset) {
    std::uint64_t at = offset * 4096;
    ASSERT_EQ(os::splice(file_, &at, out_.to, nullptr, 1, false), 1u);
  }
  feed(0, 3000);
  EXPECT_EQ(pipe_to_pipe().step(5000).outcome, Outcome::wait_sink);
}

TEST_F(SpliceTest, an_ended_source_is_told_from_an_empty_one) {
  in_.to.reset();
  EXPECT_EQ(pipe_to_pipe().step(5000).outcome, Outcome::source_ended);
  tcp_.to.reset();
  wait_for(tcp_.from, POLLIN);
  PumpBench from_socket("splice", Source::socket(tcp_.from.ref()), Sink::pipe(out_.to.ref()));
  EXPECT_EQ(from_socket.step(5000).outcome, Outcome::source_ended);
}

// 15: what the pipe holds is delivered or surrendered, exactly.
TEST_F(SpliceTest, surrenders_what_its_pipe_holds) {
  fill(tcp_.to);
  PumpBench bench = file_to_socket();
  const Moved moved = bench.step(50'000);
  EXPECT_EQ(moved.outcome, Outcome::wait_sink);
  EXPECT_EQ(moved.taken, 50'000u);
  EXPECT_EQ(moved.delivered, 0u);
  const Residue residue = bench.surrender();
  EXPECT_EQ(residue.bytes, 50'000u);
  ASSERT_TRUE(residue.pipe.valid());
  const StreamCheck check = read_rest(residue.pipe.read, seed, 0);
  EXPECT_EQ(check.mismatch(), "");
  EXPECT_EQ(check.count(), 50'000u);
}

TEST_F(SpliceTest, gives_an_empty_pipe_back) {
  PumpBench bench = file_to_socket();
  EXPECT_EQ(bench.step(5000).delivered, 5000u);
  const Residue residue = bench.surrender();
  EXPECT_EQ(residue.bytes, 0u);
  EXPECT_FALSE(residue.pipe.valid());
  EXPECT_EQ(bench.pipes.open_pipes(), 1u) << "the pool keeps it";
  const ScopedFaults faults;
  EXPECT_TRUE(bench.pipes.lease(1 << 20));
  EXPECT_EQ(faults.seen("pipe2"), 0u);
}

// While it holds bytes it takes no more, and waits for the sink only.
TEST_F(SpliceTest, delivers_what_it_holds_before_it_takes_more) {
  Pair source = make_unix_pair();
  ASSERT_EQ(os::send(source.to, pattern(seed, 0, 3000), {}), 3000u);
  fill(tcp_.to);
  PumpBench bench("splice", Source::socket(source.from.ref()), Sink::socket(tcp_.to.ref()));
  ASSERT_EQ(bench.step(5000).taken, 3000u);
  ASSERT_EQ(os::send(source.to, pattern(seed, 3000, 10), {}), 10u);
  const Moved full = bench.step(5000);
  EXPECT_EQ(full.taken, 0u);
  EXPECT_EQ(full.outcome, Outcome::wait_sink);
  source.to.reset();
  drain(tcp_.from);
  wait_for(tcp_.to, POLLOUT);
  EXPECT_EQ(bench.step(5000).delivered, 3000u);
  EXPECT_EQ(bench.step(5000).delivered, 10u);
  EXPECT_EQ(bench.step(5000).outcome, Outcome::source_ended) << "16: only now";
}

// 17: pipes are limited.
TEST_F(SpliceTest, a_small_pipe_serves_too) {
  PumpBench bench = file_to_socket();
  const ScopedFaults faults({{.call = "fcntl", .error_number = EPERM}});
  const Moved moved = bench.step(200'000);
  EXPECT_EQ(moved.outcome, Outcome::progress);
  EXPECT_EQ(moved.taken, 65536u);
}

TEST_F(SpliceTest, without_a_pipe_it_refuses) {
  for (const int number : {EMFILE, ENFILE}) {
    PumpBench bench = file_to_socket();
    const ScopedFaults faults({{.call = "pipe2", .error_number = number}});
    const Moved moved = bench.step(5000);
    EXPECT_EQ(moved.outcome, Outcome::refused);
    EXPECT_EQ(moved.error_number, number);
    EXPECT_EQ(bench.surrender().bytes, 0u);
  }
  PumpBench poor("splice", Source::file(file_.ref()), Sink::socket(tcp_.to.ref()), {}, 100);
  const Moved moved = poor.step(5000);
  EXPECT_EQ(moved.outcome, Outcome::refused);
  EXPECT_EQ(moved.error_number, ENOBUFS);
}

TEST_F(SpliceTest, the_pipe_is_as_large_as_tuned) {
  PumpBench bench("splice", Source::file(file_.ref()), Sink::socket(tcp_.to.ref()),
                  {.pipe_bytes = 128 << 10});
  EXPECT_EQ(bench.step(1 << 20).taken, 128u << 10);
  EXPECT_EQ(bench.pipes.capacity_bytes(), 128u << 10);
}

// 18
TEST_F(SpliceTest, takes_any_limit) {
  const Allowance all{
      .take = to_end, .deliver = to_end, .remaining = to_end, .more_follows = false};
  EXPECT_EQ(file_to_socket().step(all).outcome, Outcome::progress);
  feed(0, 10);
  EXPECT_EQ(pipe_to_pipe().step(all).delivered, 10u);
}

// 21: EINVAL where the facts are old.
TEST_F(SpliceTest, appending_is_refused) {
  feed(0, 3000);
  const OwnedFd sink = file_with({});
  PumpBench bench("splice", Source::pipe(in_.from.ref()), Sink::file(sink.ref()));
  ASSERT_EQ(::fcntl(sink.number(), F_SETFL, O_APPEND), 0);
  const Moved moved = bench.step(3000);
  EXPECT_EQ(moved.outcome, Outcome::refused);
  EXPECT_EQ(moved.error_number, EINVAL);
  EXPECT_EQ(read_rest(in_.from, seed, 0).count(), 3000u) << "nothing was taken";
}

TEST_F(SpliceTest, a_file_sink_is_written_where_it_is_told) {
  feed(0, 3000);
  const OwnedFd sink = file_with({});
  PumpBench bench("splice", Source::pipe(in_.from.ref()), Sink::file(sink.ref(), 11));
  EXPECT_EQ(bench.step(1000).delivered, 1000u);
  EXPECT_EQ(bench.step(2000).delivered, 2000u);
  EXPECT_EQ(cursor_of(sink), 0);
  EXPECT_EQ(size_of(sink), 3011u);
}

// 7: SPLICE_F_MORE only on the last bytes of the part, and said.
TEST_F(SpliceTest, holds_back_only_what_more_follows_upon) {
  const auto not_sent = [&] {
    int count = -1;
    EXPECT_EQ(::ioctl(tcp_.to.number(), SIOCOUTQNSD, &count), 0);
    return count;
  };
  for (const bool direct : {false, true}) {
    PumpBench bench = file_to_socket();
    if (direct) {
      feed(0, 300);
      bench.source = *facts_of(Source::pipe(in_.from.ref()), false);
      bench.from = in_.from;
    }
    const Moved part =
        bench.step({.take = 100, .deliver = 100, .remaining = 300, .more_follows = true});
    EXPECT_EQ(part.delivered, 100u);
    EXPECT_FALSE(part.held_back) << "200 bytes of this part are left";
    EXPECT_EQ(not_sent(), 0);
    const Moved last =
        bench.step({.take = 200, .deliver = 200, .remaining = 200, .more_follows = true});
    EXPECT_EQ(last.delivered, 200u);
    EXPECT_TRUE(last.held_back);
    EXPECT_EQ(not_sent(), 200);
    EXPECT_FALSE(file_to_socket().step(10).held_back);
    EXPECT_EQ(not_sent(), 0);
  }
}

TEST_F(SpliceTest, capability_errors_refuse_and_data_errors_fail) {
  for (const bool draining : {false, true}) {
    const std::uint64_t first = draining ? 2 : 1;
    for (const int number : {EINVAL, ENOSYS, EPERM, ENOMEM, EOPNOTSUPP}) {
      PumpBench bench = file_to_socket();
      const ScopedFaults faults({{.call = "splice", .first = first, .error_number = number}});
      const Moved moved = bench.step(5000);
      EXPECT_EQ(moved.outcome, Outcome::refused) << strerrorname_np(number);
      EXPECT_EQ(moved.error_number, number);
      EXPECT_EQ(moved.taken, draining ? 5000u : 0u);
      EXPECT_EQ(bench.surrender().bytes, moved.taken);
    }
    for (const int number : {EIO, EPIPE, ECONNRESET, ENOSPC}) {
      PumpBench bench = file_to_socket();
      const ScopedFaults faults({{.call = "splice", .first = first, .error_number = number}});
      EXPECT_EQ(bench.step(5000).outcome, Outcome::failed) << strerrorname_np(number);
      EXPECT_EQ(bench.surrender().bytes, draining ? 5000u : 0u);
    }
  }
}

// Bytes of a socket that are in the pipe when it refuses come first, by whatever mechanism, once.
TEST_F(SpliceTest, another_goes_on_where_it_refused) {
  for (const std::uint64_t refused_call : {1, 2, 3, 4, 5}) {
    SCOPED_TRACE(refused_call);
    Pair source = make_unix_pair();
    set_blocking(source.to, Blocking::yes);
    const Feeder feeder(std::move(source.to), seed, 0, 300'001);
    const OwnedFd sink = file_with({});
    const ScopedFaults faults(
        {{.call = "splice", .times = 3, .shorten_to = 20'011},
         {.call = "splice", .first = refused_call, .times = 1, .error_number = EINVAL}});
    const Receipt receipt = transfer(Source::socket(source.from.ref()), Sink::file(sink.ref()));
    EXPECT_EQ(receipt.ending, Ending::end_of_source) << describe(receipt);
    EXPECT_EQ(receipt.refusals.size(), 1u);
    EXPECT_EQ(content_of(sink), pattern(seed, 0, 300'001)) << describe(receipt);
  }
}

// 6: the default action of SIGPIPE would end the test.
TEST_F(SpliceTest, a_gone_reader_is_an_error_and_no_signal) {
  feed(0, 3000);
  out_.from.reset();
  const Moved to_pipe = pipe_to_pipe().step(3000);
  EXPECT_EQ(to_pipe.outcome, Outcome::failed);
  EXPECT_EQ(to_pipe.error_number, EPIPE);
  Pair local = make_unix_pair();
  local.from.reset();
  PumpBench bench("splice", Source::file(file_.ref()), Sink::socket(local.to.ref()));
  const Moved to_socket = bench.step(3000);
  EXPECT_EQ(to_socket.outcome, Outcome::failed);
  EXPECT_EQ(to_socket.error_number, EPIPE);
  EXPECT_EQ(bench.surrender().bytes, 3000u);
}

// Standard output, say, taken for a file: what a descriptor is called changes nothing about it.
TEST_F(SpliceTest, a_pipe_that_is_called_a_file_raises_no_signal_either) {
  feed(0, 1000);
  const auto exit_status = [&] {
    ::signal(SIGPIPE, SIG_DFL);
    Pair pipe = make_pipe_pair();
    pipe.from.reset();
    const Receipt receipt =
        transfer(Source::pipe(in_.from.ref(), 1000), Sink::file(pipe.to.ref(), at_cursor),
                 {.mechanism = *Mechanism::named("splice")});
    return receipt.error && receipt.error->is(EPIPE) ? 0 : 1;
  };
  EXPECT_EXIT(::_exit(exit_status()), ::testing::ExitedWithCode(0), "");
}

// One call sends many pages; if the reader leaves between two of them, it returns what it has sent
// *and* raises SIGPIPE: there is no EPIPE to tell of it. Whether he does is chance, so it is tried
// often; the code is right only if it never matters.
TEST_F(SpliceTest, a_reader_who_leaves_in_mid_call_is_no_signal) {
  for (int attempt = 0; attempt < 300; ++attempt) {
    Pair local = make_unix_pair();
    const int room = 8 << 20;
    ::setsockopt(local.to.number(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    PumpBench bench("splice", Source::file(file_.ref()), Sink::socket(local.to.ref()));
    const std::jthread reader([from = std::move(local.from)]() mutable {
      std::byte byte{};
      // Waking from a wait would take longer than the call.
      while (::recv(from.number(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
      }
      from.reset();
    });
    const Moved moved = bench.step(1 << 20);
    EXPECT_TRUE(moved.outcome == Outcome::progress || moved.error_number == EPIPE);
    bench.surrender();
  }
}

}  // namespace
}  // namespace leat::testing
