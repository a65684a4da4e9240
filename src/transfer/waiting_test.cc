// Goal: a blocked transfer names exactly what it waits for, hears of a lost sink while its source
// is silent, and never spins (pitfalls 14, 51). Method: steps by hand.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "os/stream.h"
#include "os/wait.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using std::chrono::steady_clock;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class WaitingTest : public GuardedTest {
 protected:
  Context context_ = make_context();
  Pair in_ = make_unix_pair();
  Pair out_ = make_tcp_pair();

  Transfer start(const Options& options = {}) {
    return Transfer::start(context_, Source::socket(in_.from.ref()), Sink::socket(out_.to.ref()),
                           options);
  }
};

TEST_F(WaitingTest, a_silent_source_is_waited_for_with_an_eye_on_the_sink) {
  Transfer transfer = start();
  const Step step = transfer.step();
  ASSERT_EQ(step.state, State::blocked);
  ASSERT_EQ(step.wait.count, 2u);
  EXPECT_EQ(step.wait.slots[0].fd, in_.from.ref());
  EXPECT_EQ(step.wait.slots[0].events, POLLIN);
  EXPECT_EQ(step.wait.slots[0].role, WaitFd::Role::source);
  EXPECT_EQ(step.wait.slots[1].fd, out_.to.ref());
  EXPECT_EQ(step.wait.slots[1].events, 0);
  EXPECT_EQ(step.wait.slots[1].role, WaitFd::Role::sink);
  EXPECT_FALSE(step.wait.wake_at);
}

TEST_F(WaitingTest, a_full_sink_is_waited_for_alone) {
  const OwnedFd file = pattern_file(1, 16 << 20);
  Transfer transfer =
      Transfer::start(context_, Source::file(file.ref()), Sink::socket(out_.to.ref()));
  Step step = transfer.step();
  while (step.state == State::progress) step = transfer.step();
  ASSERT_EQ(step.state, State::blocked);
  ASSERT_EQ(step.wait.count, 1u);
  EXPECT_EQ(step.wait.slots[0].fd, out_.to.ref());
  EXPECT_EQ(step.wait.slots[0].events, POLLOUT);
  EXPECT_EQ(step.wait.slots[0].role, WaitFd::Role::sink);
}

// splice: for the sink while the private pipe holds bytes, for the source while it does not.
TEST_F(WaitingTest, a_full_sink_is_waited_for_although_the_source_is_ready) {
  const std::vector<std::byte> filling(1 << 20);
  while (os::send(out_.to, filling, {})) {
  }
  ASSERT_TRUE(os::send(in_.to, bytes_of("some bytes"), {}));
  Transfer transfer = start({.mechanism = *Mechanism::named("splice")});
  const Step step = transfer.step();
  ASSERT_EQ(step.state, State::blocked);
  ASSERT_EQ(step.wait.count, 1u);
  EXPECT_EQ(step.wait.slots[0].role, WaitFd::Role::sink);
}

TEST_F(WaitingTest, a_rate_limit_names_a_moment_and_no_descriptor) {
  const OwnedFd file = pattern_file(1, 100'000);
  Transfer transfer = Transfer::start(context_, Source::file(file.ref()),
                                      Sink::socket(out_.to.ref()), {.rate_limit = 1000});
  const Step step = transfer.step();
  EXPECT_EQ(step.state, State::blocked);
  EXPECT_GE(step.delivered, 20u) << "one helping, and more if the step took that long";
  EXPECT_LT(step.delivered, 100'000u);
  EXPECT_EQ(step.wait.count, 0u);
  ASSERT_TRUE(step.wait.wake_at);
  EXPECT_LE(*step.wait.wake_at, steady_clock::now() + std::chrono::milliseconds(20));
}

TEST_F(WaitingTest, a_deadline_before_the_next_helping_comes_first) {
  const OwnedFd file = pattern_file(1, 100'000);
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(500);
  Transfer transfer =
      Transfer::start(context_, Source::file(file.ref()), Sink::socket(out_.to.ref()),
                      {.rate_limit = 1, .deadline = deadline});
  EXPECT_EQ(transfer.step().delivered, 1u);
  EXPECT_EQ(transfer.step().wait.wake_at, deadline) << "the next byte is due in a second";
}

TEST_F(WaitingTest, a_reset_sink_is_noticed_while_the_source_is_silent) {
  Transfer transfer = start();
  ASSERT_EQ(transfer.step().state, State::blocked);
  reset_on_close(out_.from);
  out_.from.reset();
  EXPECT_NE(wait_for(out_.to, 0), 0);
  EXPECT_EQ(transfer.step().state, State::failed);
  const Receipt receipt = transfer.receipt();
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(EPIPE)) << describe(receipt);
  EXPECT_EQ(receipt.error->subject, "sink");
  std::byte byte{};
  EXPECT_TRUE(os::recv(out_.to, {&byte, 1}, false).error().is(ECONNRESET))
      << "the error is left for the other direction, which would read an orderly end without it";
}

TEST_F(WaitingTest, a_reset_that_one_direction_noticed_is_no_end_for_the_other) {
  const Pair back = make_unix_pair();
  Transfer there = start();
  Transfer back_again =
      Transfer::start(context_, Source::socket(out_.to.ref()), Sink::socket(back.to.ref()));
  ASSERT_EQ(there.step().state, State::blocked);
  ASSERT_EQ(back_again.step().state, State::blocked);
  reset_on_close(out_.from);
  out_.from.reset();
  EXPECT_NE(wait_for(out_.to, 0), 0);
  EXPECT_EQ(there.step().state, State::failed);
  EXPECT_EQ(back_again.step().state, State::failed);
  const Receipt receipt = back_again.receipt();
  ASSERT_TRUE(receipt.error) << describe(receipt);
  EXPECT_TRUE(receipt.error->is(ECONNRESET)) << describe(receipt);
}

TEST_F(WaitingTest, a_reader_who_left_is_noticed_while_the_source_is_silent) {
  for (const bool is_pipe : {true, false}) {
    Pair out = is_pipe ? make_pipe_pair() : make_unix_pair();
    Transfer transfer =
        Transfer::start(context_, Source::socket(in_.from.ref()),
                        is_pipe ? Sink::pipe(out.to.ref()) : Sink::socket(out.to.ref()));
    ASSERT_EQ(transfer.step().state, State::blocked);
    out.from.reset();
    EXPECT_NE(wait_for(out.to, 0), 0);
    EXPECT_EQ(transfer.step().state, State::failed);
    const Receipt receipt = transfer.receipt();
    ASSERT_TRUE(receipt.error);
    EXPECT_TRUE(receipt.error->is(EPIPE)) << describe(receipt);
  }
}

TEST_F(WaitingTest, the_blocking_call_notices_too) {
  const std::jthread feeder(
      [&] { [[maybe_unused]] const auto sent = os::send(in_.to, bytes_of("five!"), {}); });
  Receipt receipt;
  {
    Pair pipe = make_pipe_pair();
    Drainer reader(std::move(pipe.from), {.stop_after = 5});
    receipt = transfer(context_, Source::socket(in_.from.ref()), Sink::pipe(pipe.to.ref()));
  }
  EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  EXPECT_EQ(receipt.delivered, 5u);
}

// The error queue of the source holds a notice that is not ours, so POLLERR stays.
TEST_F(WaitingTest, an_event_that_is_not_ours_does_not_make_it_spin) {
  Pair source = make_tcp_pair();
  const int on = 1;
  ASSERT_EQ(::setsockopt(source.from.number(), SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on), 0);
  ASSERT_EQ(::send(source.from.number(), "x", 1, MSG_ZEROCOPY), 1);
  ASSERT_NE(wait_for(source.from, 0) & POLLERR, 0);
  Transfer transfer =
      Transfer::start(context_, Source::socket(source.from.ref()), Sink::socket(out_.to.ref()));
  Step step = transfer.step();
  ASSERT_EQ(step.state, State::blocked);
  EXPECT_EQ(step.wait.count, 0u) << "it was there before the transfer began";
  int naps = 0;
  for (int i = 0; i < 8; ++i) {
    const auto before = steady_clock::now();
    step = transfer.step();
    ASSERT_EQ(step.state, State::blocked);
    if (step.wait.count > 0) continue;  // POLLERR wakes from this at once
    ASSERT_TRUE(step.wait.wake_at);
    EXPECT_GT(*step.wait.wake_at, before);
    ++naps;
  }
  EXPECT_GE(naps, 4) << "each wake-up for nothing is followed by a nap";
  // And it still hears of what comes.
  std::byte unread{};  // closing with it would be a reset
  ASSERT_EQ(os::recv(source.to, {&unread, 1}, false), 1u);
  ASSERT_TRUE(os::send(source.to, bytes_of("hello"), {}));
  source.to.reset();
  EXPECT_EQ(drive(context_, transfer).last.state, State::done);
  EXPECT_EQ(transfer.receipt().delivered, 5u);
}

TEST_F(WaitingTest, a_fifo_without_a_writer_is_waited_for) {
  const Folder folder;
  const std::string path = folder.file("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  for (const char* mechanism : {"splice", "read_write"}) {
    SCOPED_TRACE(mechanism);
    auto source = Source::open(path);
    ASSERT_TRUE(source);
    const OwnedFd sink = file_with({});
    Transfer transfer = Transfer::start(context_, std::move(*source), Sink::file(sink.ref()),
                                        {.mechanism = *Mechanism::named(mechanism)});
    for (int i = 0; i < 3; ++i) ASSERT_EQ(transfer.step().state, State::blocked);
    OwnedFd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(transfer.step().state, State::blocked) << "it has written nothing yet";
    ASSERT_TRUE(os::write(writer, bytes_of("hello")));
    EXPECT_EQ(transfer.step().delivered, 5u);
    writer.reset();
    EXPECT_EQ(drive(context_, transfer).last.state, State::done);
    EXPECT_EQ(transfer.receipt().ending, Ending::end_of_source);
    EXPECT_EQ(text_of(sink), "hello");
  }
}

TEST_F(WaitingTest, a_fifo_whose_writer_wrote_nothing_has_ended) {
  const Folder folder;
  const std::string path = folder.file("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto source = Source::open(path);
  ASSERT_TRUE(source);
  {
    const OwnedFd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  }
  Transfer transfer = Transfer::start(context_, std::move(*source), Sink::socket(out_.to.ref()));
  EXPECT_EQ(drive(context_, transfer).last.state, State::done);
  EXPECT_EQ(transfer.receipt().delivered, 0u);
}

// Steps are counted, not time: each wake-up moves something.
TEST_F(WaitingTest, a_slow_reader_is_not_spun_on) {
  const OwnedFd file = pattern_file(9, 300'007);
  for (const char* mechanism : {"sendfile", "splice", "read_write"}) {
    SCOPED_TRACE(mechanism);
    Pair out = make_tcp_pair();
    shrink_buffers(out.to);
    shrink_buffers(out.from);
    set_blocking(out.from, Blocking::yes);
    Drainer drainer(std::move(out.from), {.seed = 9, .chunk_bytes = 4096});
    Transfer transfer =
        Transfer::start(context_, Source::file(file.ref()), Sink::socket(out.to.ref()),
                        {.mechanism = *Mechanism::named(mechanism)});
    const Drive log = drive(context_, transfer);
    EXPECT_EQ(log.last.state, State::done);
    EXPECT_LE(log.idle_steps, log.steps / 2 + 4);
    out.to.reset();
    EXPECT_EQ(drainer.finish().check.mismatch(), "");
  }
}

TEST_F(WaitingTest, blocking_pipes_that_are_lent_stay_blocking_and_are_not_waited_on) {
  Pair in = make_pipe_pair(Blocking::yes);
  Pair out = make_pipe_pair(Blocking::yes);
  const std::string before = demeanour(in.from) + demeanour(out.to);
  Transfer transfer =
      Transfer::start(context_, Source::pipe(in.from.ref()), Sink::pipe(out.to.ref()));
  ASSERT_EQ(transfer.step().state, State::blocked);
  ASSERT_TRUE(os::write(in.to, bytes_of("hello")));
  EXPECT_EQ(transfer.step().delivered, 5u);
  EXPECT_EQ(demeanour(in.from) + demeanour(out.to), before);
}

// To be written to without waiting, a lent pipe is opened anew, which makes another writer of it.
TEST_F(WaitingTest, a_lent_blocking_pipe_has_no_other_writer_after_the_end) {
  const OwnedFd file = pattern_file(1, 100);
  for (const std::uint64_t promised : {100u, 200u}) {
    Pair out = make_pipe_pair(Blocking::yes);
    Transfer transfer = Transfer::start(context_, Source::file(file.ref(), {0, promised}),
                                        Sink::pipe(out.to.ref()));
    drive(context_, transfer);
    EXPECT_EQ(transfer.receipt().ending,
              promised == 100 ? Ending::complete : Ending::source_shrank);
    out.to.reset();
    set_blocking(out.from, Blocking::no);
    std::array<std::byte, 200> room{};
    EXPECT_EQ(os::read(out.from, room), 100u);
    EXPECT_EQ(os::read(out.from, room), 0u) << "the end, while the transfer lives";
  }
}

TEST_F(WaitingTest, a_lent_blocking_pipe_has_no_other_reader_after_the_end) {
  Pair in = make_pipe_pair(Blocking::yes);
  std::array<std::byte, 5> room{};
  Transfer transfer = Transfer::start(context_, Source::pipe(in.from.ref()), Sink(std::span(room)));
  ASSERT_TRUE(os::write(in.to, bytes_of("hello")));
  EXPECT_EQ(drive(context_, transfer).last.state, State::done);
  in.from.reset();
  EXPECT_NE(os::ready_events(in.to, 0) & POLLERR, 0) << "nobody reads it";
}

// Opening /dev/ptmx anew, in order not to wait, would make another terminal.
TEST_F(WaitingTest, a_lent_master_of_a_terminal_stays_the_master_of_that_terminal) {
  const OwnedFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!master.valid()) GTEST_SKIP() << "no terminals here: " << std::strerror(errno);
  ASSERT_EQ(::grantpt(master.number()), 0);
  ASSERT_EQ(::unlockpt(master.number()), 0);
  const OwnedFd slave(::open(::ptsname(master.number()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(slave.valid());
  termios raw{};
  ASSERT_EQ(::tcgetattr(slave.number(), &raw), 0);
  ::cfmakeraw(&raw);
  ASSERT_EQ(::tcsetattr(slave.number(), TCSANOW, &raw), 0);
  const Options options{.deadline = steady_clock::now() + std::chrono::hours(1)};

  EXPECT_TRUE(
      transfer(context_, std::string_view("hello"), *Sink::descriptor(master.ref()), options).ok());
  std::array<std::byte, 5> room{};
  EXPECT_EQ(os::read(slave, room), 5u);
  EXPECT_TRUE(std::ranges::equal(room, bytes_of("hello")));

  ASSERT_EQ(os::write(slave, bytes_of("world")), 5u);
  EXPECT_TRUE(
      transfer(context_, *Source::descriptor(master.ref(), 5), Sink(std::span(room)), options)
          .ok());
  EXPECT_TRUE(std::ranges::equal(room, bytes_of("world")));
}

}  // namespace
}  // namespace leat::testing
