// Goal: a transfer stops when it is told to, with exact counts, and goes on from there: itself, or
// another with what it strands. Method: steps by hand, sinks that are full.

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "os/sendfile.h"
#include "os/stream.h"
#include "os/wait.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t seed = 17;
constexpr std::uint64_t size = 50'000;

class Stopping : public GuardedTest {
 protected:
  Context context_ = make_context();
  Pair in_ = make_unix_pair();
  Pair out_ = make_unix_pair();
  OwnedFd file_ = pattern_file(seed, size);

  /// So much that the sink takes no more; the pattern goes on behind it.
  void fill_sink() {
    const std::vector<std::byte> bytes(1 << 20);
    while (const auto sent = os::send(out_.to, bytes, {})) filled_ += *sent;
    // Before 6.5 a UNIX socket that is full for send(2) still takes pages, behind its last bytes.
    const OwnedFd pages = file_with(bytes);
    std::uint64_t offset = 0;
    while (const auto sent = os::sendfile(out_.to, pages, &offset, bytes.size() - offset)) {
      if (*sent == 0) offset = 0;
      filled_ += *sent;
    }
  }
  /// Reads what fills the sink whenever that is what is waited for.
  void drive_while_reading(Transfer& transfer) {
    std::vector<std::byte> room(1 << 20);
    for (;;) {
      const Step step = transfer.step();
      while (const auto got = os::recv(out_.from, room, false))
        received_.insert(received_.end(), room.begin(),
                         room.begin() + static_cast<std::ptrdiff_t>(*got));
      if (step.state != State::blocked && step.state != State::progress) return;
    }
  }
  void expect_everything() {
    const std::span<const std::byte> all = received_;
    ASSERT_EQ(all.size(), filled_ + size);
    StreamCheck check(seed);
    check.add(all.subspan(filled_));
    EXPECT_EQ(check.mismatch(), "");
  }
  static void stop(Transfer& transfer) {
    EXPECT_EQ(transfer.step().state, State::blocked);
    transfer.cancel();
    ASSERT_EQ(transfer.step().state, State::stopped);
  }
  void feed() {
    ASSERT_EQ(os::send(in_.to, pattern(seed, 0, size), {}), size);
    in_.to.reset();
  }
  Sink sink() { return Sink::socket(out_.to.ref()); }
  bool woken() { return os::ready_events(context_.fd(), POLLIN) != 0; }

  std::uint64_t filled_ = 0;
  std::vector<std::byte> received_;
};

TEST_F(Stopping, a_deadline_that_has_passed_stops_before_a_byte) {
  Transfer transfer = Transfer::start(context_, Source::file(file_.ref()), sink(),
                                      {.deadline = steady_clock::now()});
  EXPECT_EQ(transfer.step().state, State::stopped);
  EXPECT_EQ(transfer.receipt().ending, Ending::deadline);
  EXPECT_EQ(transfer.receipt().delivered, 0u);
  EXPECT_EQ(transfer.step().state, State::stopped);
}

TEST_F(Stopping, a_deadline_is_a_moment_to_wake_at) {
  const auto deadline = steady_clock::now() + std::chrono::hours(1);
  Transfer transfer =
      Transfer::start(context_, Source::socket(in_.from.ref()), sink(), {.deadline = deadline});
  const Step step = transfer.step();
  EXPECT_EQ(step.state, State::blocked);
  EXPECT_EQ(step.wait.wake_at, deadline);
  EXPECT_EQ(step.wait.count, 2u) << "beside the descriptors";
}

TEST_F(Stopping, a_cancelled_transfer_stops_at_the_next_step) {
  Transfer transfer = Transfer::start(context_, Source::file(file_.ref()), sink());
  EXPECT_FALSE(transfer.runnable());
  transfer.step(1000);
  transfer.cancel();
  EXPECT_TRUE(transfer.runnable());
  EXPECT_EQ(transfer.step().state, State::stopped);
  EXPECT_FALSE(transfer.runnable());
  EXPECT_EQ(transfer.receipt().ending, Ending::cancelled);
  EXPECT_EQ(transfer.receipt().delivered, 1000u);
}

// A loop may be waiting for descriptors that stay silent.
TEST_F(Stopping, cancelling_makes_the_context_readable) {
  Transfer transfer = Transfer::start(context_, Source::socket(in_.from.ref()), sink());
  EXPECT_EQ(transfer.step().state, State::blocked);
  EXPECT_FALSE(woken());
  int calls = 0;
  transfer.on_runnable([&] { ++calls; });
  transfer.cancel();
  EXPECT_TRUE(woken());
  context_.poll();
  EXPECT_EQ(calls, 1);
}

TEST_F(Stopping, an_ended_transfer_cannot_be_cancelled) {
  Transfer transfer = Transfer::start(context_, Source::file(file_.ref()), sink());
  drive(context_, transfer);
  ASSERT_EQ(transfer.receipt().ending, Ending::complete);
  transfer.cancel();
  EXPECT_FALSE(transfer.runnable());
  EXPECT_EQ(transfer.step().state, State::done);
  EXPECT_EQ(transfer.receipt().ending, Ending::complete);
}

TEST_F(Stopping, a_stop_token_wakes_the_context_from_another_thread) {
  std::stop_source stop;
  Transfer transfer =
      Transfer::start(context_, Source::socket(in_.from.ref()), sink(), {.stop = stop.get_token()});
  EXPECT_EQ(transfer.step().state, State::blocked);
  int calls = 0;
  transfer.on_runnable([&] { ++calls; });
  const std::jthread other([&] { stop.request_stop(); });
  wait_for(context_.fd(), POLLIN);
  context_.poll();
  EXPECT_EQ(calls, 1);
  context_.poll();
  EXPECT_EQ(calls, 1) << "once";
  EXPECT_TRUE(woken()) << "it is runnable still";
  EXPECT_EQ(transfer.step().state, State::stopped);
  context_.poll();
  EXPECT_FALSE(woken());
  EXPECT_EQ(transfer.receipt().ending, Ending::cancelled);
}

TEST_F(Stopping, a_stop_that_was_asked_for_before_moves_nothing) {
  std::stop_source stop;
  stop.request_stop();
  Transfer transfer =
      Transfer::start(context_, Source::file(file_.ref()), sink(), {.stop = stop.get_token()});
  EXPECT_EQ(transfer.step().state, State::stopped);
  EXPECT_EQ(transfer.receipt().delivered, 0u);
}

TEST_F(Stopping, the_blocking_call_hears_a_stop_token) {
  std::stop_source stop;
  const std::jthread other([&] {
    wait_for(context_.fd(), 0 | POLLOUT);  // an eventfd is always writable: no matter when
    stop.request_stop();
  });
  const Receipt receipt =
      transfer(context_, Source::socket(in_.from.ref()), sink(), {.stop = stop.get_token()});
  EXPECT_EQ(receipt.ending, Ending::cancelled) << describe(receipt);
}

TEST_F(Stopping, resumes_with_a_new_token_and_loses_nothing) {
  feed();
  fill_sink();
  std::stop_source first;
  Transfer transfer = Transfer::start(context_, Source::socket(in_.from.ref()), sink(),
                                      {.stop = first.get_token()});
  transfer.step();
  first.request_stop();
  ASSERT_EQ(transfer.step().state, State::stopped);
  EXPECT_GT(transfer.receipt().stranded, 0u);
  std::stop_source second;
  int reports = 0;
  transfer.resume({.stop = second.get_token(), .progress = [&](const Step&) { ++reports; }});
  EXPECT_EQ(transfer.receipt().ending, Ending::unfinished);
  EXPECT_EQ(transfer.step().state, State::blocked) << "the first token is forgotten";
  second.request_stop();
  ASSERT_EQ(transfer.step().state, State::stopped);
  transfer.resume({});
  drive_while_reading(transfer);
  EXPECT_EQ(transfer.step().state, State::done);
  EXPECT_EQ(transfer.receipt().ending, Ending::end_of_source);
  EXPECT_EQ(transfer.receipt().delivered, size);
  EXPECT_EQ(transfer.receipt().stranded, 0u);
  expect_everything();
}

TEST_F(Stopping, only_a_stopped_transfer_resumes) {
  Transfer transfer = Transfer::start(context_, Source::file(file_.ref()), sink());
  drive(context_, transfer);
  transfer.resume({});
  EXPECT_EQ(transfer.step().state, State::done);
}

// Its size less its cursor is less each time one looks.
TEST_F(Stopping, a_file_that_is_read_at_its_cursor_goes_on_to_its_end) {
  for (const char* mechanism : {"copy_file_range", "sendfile", "splice", "read_write"}) {
    SCOPED_TRACE(mechanism);
    const OwnedFd copy = file_with({});
    ASSERT_EQ(::lseek(file_.number(), 1000, SEEK_SET), 1000);
    Transfer transfer =
        Transfer::start(context_, *Source::descriptor(file_.ref()), Sink::file(duplicate(copy)),
                        {.mechanism = *Mechanism::named(mechanism)});
    for (const std::uint64_t delivered : {20'000u, 30'000u}) {
      while (transfer.receipt().delivered < delivered)
        ASSERT_EQ(transfer.step(delivered - transfer.receipt().delivered).state, State::progress);
      transfer.cancel();
      ASSERT_EQ(transfer.step().state, State::stopped);
      transfer.resume({});
    }
    EXPECT_EQ(drive(context_, transfer).trouble, "");
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
    EXPECT_EQ(receipt.delivered, size - 1000);
    EXPECT_EQ(content_of(copy), pattern(seed, 1000, size - 1000));
  }
}

TEST_F(Stopping, a_file_that_shrank_meanwhile_is_not_complete) {
  for (const std::uint64_t left : {30'000u, 20'000u, 10'000u}) {
    SCOPED_TRACE(left);
    const OwnedFd file = pattern_file(seed, size);
    const OwnedFd copy = file_with({});
    Transfer transfer = Transfer::start(context_, Source::file(file.ref()), Sink::file(copy.ref()));
    ASSERT_EQ(transfer.step(20'000).delivered, 20'000u);
    transfer.cancel();
    ASSERT_EQ(transfer.step().state, State::stopped);
    ASSERT_EQ(::ftruncate(file.number(), static_cast<off_t>(left)), 0);
    transfer.resume({});
    drive(context_, transfer);
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(receipt.ending, Ending::source_shrank) << describe(receipt);
    EXPECT_EQ(receipt.delivered, std::max<std::uint64_t>(left, 20'000));
  }
}

TEST_F(Stopping, what_can_be_read_again_is_not_stranded) {
  fill_sink();
  for (const char* mechanism : {"sendfile", "splice", "read_write"}) {
    Transfer transfer = Transfer::start(context_, Source::file(file_.ref()), sink(),
                                        {.mechanism = *Mechanism::named(mechanism)});
    EXPECT_EQ(transfer.step().state, State::blocked);
    transfer.cancel();
    const Step step = transfer.step();
    EXPECT_EQ(step.taken, step.delivered) << mechanism;
    EXPECT_EQ(transfer.receipt().stranded, 0u) << mechanism;
    EXPECT_TRUE(transfer.stranded().empty());
  }
  EXPECT_EQ(context_.counters().stranded_bytes, 0u);
}

TEST_F(Stopping, what_left_a_cursor_or_a_stream_is_stranded) {
  fill_sink();
  for (const char* mechanism : {"splice", "read_write"}) {
    ASSERT_EQ(::lseek(file_.number(), 0, SEEK_SET), 0);
    Transfer transfer = Transfer::start(context_, *Source::descriptor(file_.ref()), sink(),
                                        {.mechanism = *Mechanism::named(mechanism)});
    EXPECT_EQ(transfer.step().state, State::blocked);
    const Receipt before = transfer.receipt();
    EXPECT_EQ(before.ending, Ending::unfinished);
    EXPECT_TRUE(transfer.stranded().empty()) << "it is still at work";
    transfer.cancel();
    const Step step = transfer.step();
    const Receipt receipt = transfer.receipt();
    EXPECT_GT(receipt.stranded, 0u) << mechanism;
    EXPECT_EQ(receipt.stranded, before.stranded);
    EXPECT_EQ(step.taken, step.delivered + receipt.stranded);
    EXPECT_EQ(cursor_of(file_), static_cast<std::int64_t>(step.taken));
    EXPECT_FALSE(transfer.stranded().empty());
    EXPECT_EQ(transfer.receipt().stranded, 0u) << "somebody else has it now";
  }
  EXPECT_EQ(context_.counters().stranded_bytes, 0u);
}

TEST_F(Stopping, a_transfer_that_is_destroyed_says_what_was_lost) {
  feed();
  fill_sink();
  std::uint64_t stranded = 0;
  {
    Transfer transfer = Transfer::start(context_, Source::socket(in_.from.ref()), sink());
    transfer.step();
    stranded = transfer.receipt().stranded;
    EXPECT_EQ(context_.counters().transfers, 1u);
  }
  EXPECT_GT(stranded, 0u);
  EXPECT_EQ(context_.counters().stranded_bytes, stranded);
  EXPECT_EQ(context_.counters().transfers, 0u);
}

class StrandedBy : public Stopping, public ::testing::WithParamInterface<const char*> {};

// Taken by one transfer, given up to a second that takes them and cannot deliver them either, and
// at last delivered by a third, before what had not been taken.
TEST_P(StrandedBy, goes_from_start_to_start) {
  feed();
  fill_sink();
  Transfer first = Transfer::start(context_, Source::socket(in_.from.ref()), sink(),
                                   {.mechanism = *Mechanism::named(GetParam())});
  stop(first);
  std::vector<Source> taken = first.stranded();
  ASSERT_EQ(taken.size(), 1u);
  const std::uint64_t length = taken[0].length();
  EXPECT_GT(length, 0u);

  Transfer second = Transfer::start(context_, std::move(taken[0]), sink(),
                                    {.mechanism = *Mechanism::named("read_write")});
  stop(second);
  EXPECT_EQ(second.receipt().delivered, 0u);
  std::vector<Source> again = second.stranded();
  if (again.empty()) {  // they were memory of ours, which can be read again
    second.resume({});
  } else {
    ASSERT_EQ(again[0].length(), length);
    second = Transfer::start(context_, std::move(again[0]), sink());
  }
  drive_while_reading(second);
  EXPECT_EQ(second.receipt().delivered, length);
  Transfer last = Transfer::start(context_, Source::socket(in_.from.ref()), sink());
  drive_while_reading(last);
  EXPECT_EQ(last.receipt().ending, Ending::end_of_source);
  expect_everything();
  EXPECT_EQ(context_.counters().stranded_bytes, 0u);
}

// What its pump held when it stopped is taken again.
TEST_P(StrandedBy, is_nothing_of_a_range_which_goes_on_where_it_was_delivered) {
  fill_sink();
  Transfer transfer = Transfer::start(context_, Source::file(file_.ref(), {0, size}), sink(),
                                      {.mechanism = *Mechanism::named(GetParam())});
  stop(transfer);
  EXPECT_EQ(transfer.receipt().stranded, 0u);
  transfer.resume({});
  drive_while_reading(transfer);
  EXPECT_EQ(transfer.receipt().ending, Ending::complete) << describe(transfer.receipt());
  expect_everything();
}

INSTANTIATE_TEST_SUITE_P(by, StrandedBy, ::testing::Values("splice", "read_write"),
                         [](const auto& each) { return std::string(each.param); });

TEST_F(Stopping, a_transfer_moves_with_its_state) {
  Transfer first = Transfer::start(context_, Source::file(file_.ref()), sink());
  first.step(1000);
  Transfer second = std::move(first);
  EXPECT_EQ(second.step(500).delivered, 1500u);
  Transfer third = Transfer::start(context_, Source(), Sink());
  third = std::move(second);
  EXPECT_EQ(third.receipt().delivered, 1500u);
  EXPECT_EQ(context_.counters().transfers, 1u);
}

TEST_F(Stopping, progress_is_reported_after_steps_that_moved_bytes) {
  std::vector<std::uint64_t> reports;
  Transfer transfer =
      Transfer::start(context_, Source::file(file_.ref()), sink(),
                      {.progress = [&](const Step& step) { reports.push_back(step.delivered); }});
  for (int i = 0; i < 3; ++i) transfer.step(1000);
  transfer.cancel();
  transfer.step();
  EXPECT_EQ(reports, (std::vector<std::uint64_t>{1000, 2000, 3000}));
}

TEST_F(Stopping, usage_is_measured_only_if_asked_for) {
  const Receipt plain = transfer(context_, Source::file(file_.ref()), sink());
  EXPECT_FALSE(plain.usage);
  const Receipt measured =
      transfer(context_, Source::file(file_.ref(), {0, 1000}), sink(), {.measure = true});
  ASSERT_TRUE(measured.usage);
  EXPECT_GT(measured.usage->wall_s, 0.0);
}

}  // namespace
}  // namespace leat::testing
