// Goal: read_write is the floor: it serves every pair, never waits, and gives up exactly what it
// holds. Pitfalls 1, 3, 4, 6, 7, 15, 46. Method: a pump stepped by hand, and whole transfers.

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

class ReadWriteTest : public GuardedTest {
 protected:
  static constexpr std::uint64_t seed = 13;
  Pair in_ = make_pipe_pair();
  Pair out_ = make_pipe_pair();
  Pair tcp_ = make_tcp_pair();
  std::vector<std::byte> bytes_ = pattern(seed, 0, 300'001);

  static PumpBench bench(const Source& source, const Sink& sink, const Tuning& tuning = {}) {
    return {"read_write", source, sink, tuning};
  }
  Source memory(std::uint64_t length) { return std::span<const std::byte>(bytes_).first(length); }
  void feed(std::uint64_t position, std::uint64_t length) {
    ASSERT_EQ(os::write(in_.to, pattern(seed, position, length)), length);
  }
  static void fill(FdRef sink) {
    const std::vector<std::byte> some(64 << 10);
    while (::send(sink.number(), some.data(), some.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
  }
};

TEST_F(ReadWriteTest, fits_every_pair) {
  for (const Kind from : {Kind::file, Kind::socket, Kind::pipe, Kind::memory, Kind::device})
    for (const Kind to : {Kind::file, Kind::socket, Kind::pipe, Kind::memory, Kind::device})
      for (const Waiting waiting : {Waiting::never, Waiting::flagged, Waiting::polled})
        EXPECT_TRUE(fit_of("read_write", {.kind = from, .waiting = waiting},
                           {.kind = to, .append = true, .waiting = waiting})
                        .fits);
}

TEST_F(ReadWriteTest, memory_is_sent_from_where_it_lies_by_a_plain_send) {
  const ScopedFaults faults;
  PumpBench bench = this->bench(memory(5000), Sink::socket(tcp_.to.ref()));
  EXPECT_EQ(bench.step(5000).delivered, 5000u);
  EXPECT_EQ(faults.seen("send"), 1u);
  EXPECT_EQ(faults.seen("sendmsg"), 0u);
}

TEST_F(ReadWriteTest, a_memory_sink_is_read_into) {
  feed(0, 5000);
  std::vector<std::byte> room(4000);
  PumpBench bench = this->bench(Source::pipe(in_.from.ref()), Sink(std::span(room)));
  const Moved moved = bench.step(5000);
  EXPECT_EQ(moved.delivered, 4000u);
  EXPECT_EQ(moved.calls, 1u);
  EXPECT_EQ(room, pattern(seed, 0, 4000));
}

TEST_F(ReadWriteTest, memory_to_memory_is_copied) {
  std::vector<std::byte> room(4000);
  PumpBench bench = this->bench(memory(5000), Sink(std::span(room)));
  EXPECT_EQ(bench.step(5000).delivered, 4000u);
  EXPECT_EQ(room, pattern(seed, 0, 4000));
}

TEST_F(ReadWriteTest, moves_no_more_than_it_may) {
  feed(0, 5000);
  PumpBench bench = this->bench(Source::pipe(in_.from.ref()), Sink::pipe(out_.to.ref()));
  const Moved first =
      bench.step({.take = 100, .deliver = 30, .remaining = to_end, .more_follows = false});
  EXPECT_LE(first.taken, 100u);
  EXPECT_EQ(first.delivered, 30u);
  const Moved held =
      bench.step({.take = 0, .deliver = 10, .remaining = to_end, .more_follows = false});
  EXPECT_LE(held.delivered, 10u);
}

// 15: what the block holds is surrendered, exactly, with where it begins.
TEST_F(ReadWriteTest, surrenders_what_its_block_holds) {
  feed(0, 5000);
  PumpBench bench = this->bench(Source::pipe(in_.from.ref()), Sink::pipe(out_.to.ref()));
  {
    const ScopedFaults faults({{.call = "write", .shorten_to = 1234}});
    const Moved moved = bench.step(5000);
    EXPECT_EQ(moved.taken, 5000u);
    EXPECT_EQ(moved.delivered, 1234u);
    EXPECT_EQ(moved.outcome, Outcome::progress) << "1: a short count says nothing";
  }
  const Residue residue = bench.surrender();
  ASSERT_EQ(residue.bytes, 5000u - 1234u);
  ASSERT_TRUE(residue.block.valid());
  StreamCheck check(seed, 1234);
  check.add(residue.block.bytes().subspan(residue.offset, residue.bytes));
  EXPECT_EQ(check.mismatch(), "");
}

TEST_F(ReadWriteTest, delivers_what_it_holds_before_it_takes_more) {
  feed(0, 5000);
  PumpBench bench = this->bench(Source::pipe(in_.from.ref()), Sink::pipe(out_.to.ref()));
  {
    const ScopedFaults faults({{.call = "write", .error_number = EAGAIN}});
    EXPECT_EQ(bench.step(5000).outcome, Outcome::wait_sink);
  }
  feed(5000, 10);
  in_.to.reset();
  Moved moved = bench.step(6000);
  EXPECT_EQ(moved.taken, 0u);
  EXPECT_EQ(moved.delivered, 5000u);
  moved = bench.step(6000);
  EXPECT_EQ(moved.delivered, 10u);
  EXPECT_EQ(bench.step(6000).outcome, Outcome::source_ended);
}

TEST_F(ReadWriteTest, gives_an_empty_block_back) {
  feed(0, 5000);
  PumpBench bench =
      this->bench(Source::pipe(in_.from.ref()), Sink::pipe(out_.to.ref()), {.block_bytes = 12'288});
  EXPECT_EQ(bench.step(5000).delivered, 5000u);
  EXPECT_FALSE(bench.surrender().block.valid());
  EXPECT_TRUE(bench.blocks.lease(12'288).valid());
}

TEST_F(ReadWriteTest, the_block_is_as_large_as_tuned) {
  const OwnedFd file = pattern_file(seed, 100'000);
  const OwnedFd sink = file_with({});
  PumpBench bench =
      this->bench(Source::file(file.ref()), Sink::file(sink.ref()), {.block_bytes = 8192});
  EXPECT_EQ(bench.step(100'000).delivered, 8192u);
}

TEST_F(ReadWriteTest, files_are_read_and_written_at_offsets) {
  const OwnedFd from = pattern_file(seed, 5000);
  const OwnedFd to = file_with({});
  PumpBench bench = this->bench(Source::file(from.ref(), {100, to_end}), Sink::file(to.ref(), 7));
  EXPECT_EQ(bench.step(1000).delivered, 1000u);
  EXPECT_EQ(bench.step(1000).delivered, 1000u);
  EXPECT_EQ(cursor_of(from), 0);
  EXPECT_EQ(cursor_of(to), 0);
  EXPECT_EQ(text_of(to).substr(7), text_of(from).substr(100, 2000));
}

TEST_F(ReadWriteTest, at_the_cursor_the_cursor_moves) {
  const OwnedFd from = pattern_file(seed, 5000);
  const OwnedFd to = file_with({});
  PumpBench bench = this->bench(*Source::descriptor(from.ref()), *Sink::descriptor(to.ref()));
  EXPECT_EQ(bench.step(1000).delivered, 1000u);
  EXPECT_EQ(cursor_of(from), 1000);
  EXPECT_EQ(cursor_of(to), 1000);
}

// 46: the descriptors block, and a call that waited would hang the test.
TEST_F(ReadWriteTest, never_waits_on_a_blocking_socket) {
  Pair tcp = make_tcp_pair(Blocking::yes);
  PumpBench from = this->bench(Source::socket(tcp.from.ref()), Sink::pipe(out_.to.ref()));
  EXPECT_EQ(from.step(5000).outcome, Outcome::wait_source);
  fill(tcp.to);
  PumpBench to = this->bench(memory(5000), Sink::socket(tcp.to.ref()));
  EXPECT_EQ(to.step(5000).outcome, Outcome::wait_sink);
}

TEST_F(ReadWriteTest, never_waits_on_a_blocking_pipe) {
  set_blocking(in_.from, Blocking::yes);
  set_blocking(out_.to, Blocking::yes);
  const OwnedFd sink = file_with({});
  PumpBench from = this->bench(Source::pipe(in_.from.ref()), Sink::file(sink.ref()));
  const ScopedFaults faults;
  EXPECT_EQ(from.step(5000).outcome, Outcome::wait_source);
  EXPECT_EQ(faults.seen("read"), 0u) << "it would have waited";
  PumpBench to = this->bench(memory(300'001), Sink::pipe(out_.to.ref()));
  std::uint64_t written = 0;
  Moved moved;
  while ((moved = to.step(300'001)).outcome == Outcome::progress) {
    ASSERT_LE(moved.delivered, 4096u) << "poll(2) promises no more";
    written += moved.delivered;
    to.memory[0] = {bytes_.data() + written, bytes_.size() - written};
  }
  EXPECT_EQ(moved.outcome, Outcome::wait_sink);
  EXPECT_EQ(written, 65536u);
  EXPECT_EQ(read_rest(out_.from, seed, 0).mismatch(), "");
}

// 7
TEST_F(ReadWriteTest, holds_back_only_what_more_follows_upon) {
  const auto not_sent = [&] {
    int count = -1;
    EXPECT_EQ(::ioctl(tcp_.to.number(), SIOCOUTQNSD, &count), 0);
    return count;
  };
  PumpBench bench = this->bench(memory(300), Sink::socket(tcp_.to.ref()));
  EXPECT_TRUE(bench.step(300, true).held_back);
  EXPECT_EQ(not_sent(), 300);
  EXPECT_FALSE(bench.step(300, false).held_back);
  EXPECT_EQ(not_sent(), 0);

  const OwnedFd file = pattern_file(seed, 300);
  PumpBench block = this->bench(Source::file(file.ref()), Sink::socket(tcp_.to.ref()));
  EXPECT_FALSE(
      block.step({.take = 100, .deliver = 100, .remaining = 300, .more_follows = true}).held_back)
      << "200 bytes of this part are left";
  EXPECT_EQ(not_sent(), 0);
  EXPECT_TRUE(block.step(200, true).held_back);
  EXPECT_EQ(not_sent(), 200);
}

TEST_F(ReadWriteTest, every_error_ends_it) {
  for (const int number : {EINVAL, ENOSYS, EPERM, EIO, ENOSPC, ECONNRESET, ENOMEM}) {
    SCOPED_TRACE(strerrorname_np(number));
    feed(0, 10);
    PumpBench bench = this->bench(Source::pipe(in_.from.ref()), Sink::pipe(out_.to.ref()));
    {
      const ScopedFaults faults({{.call = "write", .error_number = number}});
      const Moved moved = bench.step(10);
      EXPECT_EQ(moved.outcome, Outcome::failed);
      EXPECT_EQ(moved.error_number, number);
      EXPECT_EQ(moved.operation, "write");
    }
    EXPECT_EQ(bench.surrender().bytes, 10u);
    const ScopedFaults faults({{.call = "read", .error_number = number}});
    EXPECT_EQ(this->bench(Source::pipe(in_.from.ref()), Sink::pipe(out_.to.ref())).step(10).outcome,
              Outcome::failed);
  }
}

// 6: the default action of SIGPIPE would end the test.
TEST_F(ReadWriteTest, a_gone_reader_is_an_error_and_no_signal) {
  out_.from.reset();
  const Moved moved = bench(memory(10), Sink::pipe(out_.to.ref())).step(10);
  EXPECT_EQ(moved.outcome, Outcome::failed);
  EXPECT_EQ(moved.error_number, EPIPE);
}

// A write that waits half-way for a reader who then leaves returns what it has written *and* raises
// SIGPIPE: there is no EPIPE to tell of it.
TEST_F(ReadWriteTest, a_reader_who_leaves_in_mid_write_is_no_signal) {
  set_blocking(out_.to, Blocking::yes);
  set_blocking(out_.from, Blocking::yes);
  std::jthread reader([from = std::move(out_.from)]() mutable {
    std::byte one{};
    // The writer holds the pipe's lock until it is full: what can be read now, was written before
    // it waited.
    EXPECT_EQ(::read(from.number(), &one, 1), 1);
    from.reset();
  });
  PumpBench bench = this->bench(memory(300'001), Sink::pipe(out_.to.ref()));
  bench.sink.waiting = Waiting::allowed;
  const Moved moved = bench.step(300'001);
  EXPECT_EQ(moved.outcome, Outcome::progress);
  EXPECT_GE(moved.delivered, 65536u);
  EXPECT_LT(moved.delivered, 300'001u);
}

TEST_F(ReadWriteTest, a_caller_who_ignores_sigpipe_pays_for_no_guard) {
  PumpBench bench = this->bench(memory(10), Sink::pipe(out_.to.ref()));
  bench.sigpipe = Sigpipe::ignored_by_caller;
  ::signal(SIGPIPE, SIG_IGN);
  out_.from.reset();
  EXPECT_EQ(bench.step(10).error_number, EPIPE);
  ::signal(SIGPIPE, SIG_DFL);
}

}  // namespace
}  // namespace leat::testing
