// Goal: every byte of the inlet comes out at every tap that is read, in order; what a step promises
// holds; whatever fails leaves nothing open and loses nothing in silence. Method: the pipes are
// filled and read by hand, so that every order of events is the test's own; the seam for faults.

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <leat/reservoir.h>

#include "endpoint/access.h"
#include "os/stream.h"
#include "support/drive.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 7;

class ReservoirTest : public GuardedTest {
 protected:
  /// A tap that is read by hand.
  struct Reader {
    OwnedFd fd;
    StreamCheck check{seed};

    /// At most `limit` bytes; returns how many.
    std::uint64_t read(std::uint64_t limit) {
      std::vector<std::byte> room(limit);
      const auto got = os::read(fd, room).value_or(0);
      check.add(std::span(room).first(got));
      return got;
    }
  };

  void build(std::size_t taps, std::uint32_t pipe_bytes = 65536) {
    auto made = Reservoir::create(context_, taps, {.pipe_bytes = pipe_bytes});
    ASSERT_TRUE(made) << made.error().message();
    reservoir_.emplace(std::move(*made));
    Sink sink = reservoir_->inlet();
    inlet_ = EndpointAccess::take_owned(sink);
    readers_.clear();
    for (std::size_t i = 0; i < taps; ++i) {
      Source source = reservoir_->tap(i);
      readers_.push_back({.fd = EndpointAccess::take_owned(source)});
    }
  }

  /// Writes up to `count` bytes of the stream into the inlet; returns how many went in.
  std::uint64_t put(std::uint64_t count) {
    const auto went = os::write(inlet_, pattern(seed, written_, count)).value_or(0);
    written_ += went;
    return went;
  }

  Step step(std::uint64_t limit = default_step_limit) { return reservoir_->step(limit); }

  /// Steps until it is blocked or has ended.
  Step settle() {
    for (;;) {
      const Step now = step();
      if (now.state != State::progress) return now;
    }
  }

  void read_all() {
    for (Reader& reader : readers_) {
      while (reader.fd.valid() && reader.read(1 << 20) > 0) {
      }
    }
  }

  Context context_ = make_context();
  std::optional<Reservoir> reservoir_;
  OwnedFd inlet_;
  std::vector<Reader> readers_;
  std::uint64_t written_ = 0;
};

TEST_F(ReservoirTest, gives_every_tap_everything_and_then_ends) {
  build(3);
  EXPECT_EQ(put(10'000), 10'000u);
  inlet_.reset();
  const Step done = settle();
  EXPECT_EQ(done.state, State::done);
  EXPECT_EQ(done.taken, 10'000u);
  EXPECT_EQ(done.delivered, 10'000u);
  for (Reader& reader : readers_) {
    EXPECT_EQ(reader.read(20'000), 10'000u);
    EXPECT_EQ(reader.read(1), 0u);
    EXPECT_EQ(reader.check.digest(), pattern_digest(seed, 0, 10'000)) << reader.check.mismatch();
  }
  EXPECT_EQ(step().state, State::done) << "an ended one repeats its ending";
  EXPECT_EQ(reservoir_->dropped_taps(), 0u);
  EXPECT_FALSE(reservoir_->error());
}

TEST_F(ReservoirTest, of_no_bytes_ends_too) {
  build(2);
  inlet_.reset();
  EXPECT_EQ(settle().state, State::done);
  for (Reader& reader : readers_) EXPECT_EQ(reader.read(1), 0u);
}

TEST_F(ReservoirTest, a_silent_inlet_is_waited_for_with_an_eye_on_a_tap) {
  build(2);
  const Step blocked = step();
  ASSERT_EQ(blocked.state, State::blocked);
  ASSERT_EQ(blocked.wait.count, 2u);
  EXPECT_EQ(blocked.wait.slots[0].events, POLLIN);
  EXPECT_EQ(blocked.wait.slots[0].role, WaitFd::Role::source);
  EXPECT_EQ(blocked.wait.slots[1].events, 0);
  EXPECT_EQ(blocked.wait.slots[1].role, WaitFd::Role::sink);
  EXPECT_FALSE(blocked.wait.wake_at);
  pollfd inlet{.fd = blocked.wait.slots[0].fd.number(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&inlet, 1, 0), 0);
  EXPECT_EQ(put(1), 1u);
  EXPECT_EQ(::poll(&inlet, 1, 0), 1) << "it is the inlet";
}

TEST_F(ReservoirTest, a_full_tap_holds_up_all_and_is_what_is_waited_for) {
  build(2, 8192);
  std::uint64_t fast = 0;
  while (put(4096) > 0) {
    settle();
    fast += readers_[1].read(1 << 20);
  }
  const Step blocked = settle();
  ASSERT_EQ(blocked.state, State::blocked);
  ASSERT_EQ(blocked.wait.count, 1u);
  EXPECT_EQ(blocked.wait.slots[0].events, POLLOUT);
  EXPECT_EQ(blocked.wait.slots[0].role, WaitFd::Role::sink);
  EXPECT_EQ(fast, blocked.taken) << "one reader is ahead of the other";
  EXPECT_LT(blocked.delivered, blocked.taken);
  EXPECT_EQ(reservoir_->given(0), blocked.delivered);
  EXPECT_EQ(reservoir_->given(1), blocked.taken);

  inlet_.reset();  // which must not wake it again and again
  ASSERT_EQ(settle().state, State::blocked);
  pollfd tap{.fd = blocked.wait.slots[0].fd.number(), .events = POLLOUT, .revents = 0};
  EXPECT_EQ(::poll(&tap, 1, 0), 0) << "nothing to do until somebody reads";
  while (step().state != State::done) {
    ASSERT_GT(readers_[0].read(4096), 0u);
    readers_[1].read(4096);
  }
  read_all();
  for (Reader& reader : readers_)
    EXPECT_EQ(reader.check.digest(), pattern_digest(seed, 0, written_)) << reader.check.mismatch();
}

TEST_F(ReservoirTest, of_many_full_taps_two_are_waited_for) {
  build(4, 4096);
  while (put(4096) > 0) settle();
  const Step blocked = settle();
  ASSERT_EQ(blocked.state, State::blocked);
  EXPECT_EQ(blocked.wait.count, 2u);
  for (const WaitFd& one : blocked.wait.fds()) EXPECT_EQ(one.events, POLLOUT);
}

TEST_F(ReservoirTest, a_tap_whose_reader_left_is_dropped_and_the_others_go_on) {
  build(3, 8192);
  while (put(4096) > 0) settle();
  readers_[1].fd.reset();
  Step now = settle();
  EXPECT_EQ(now.state, State::blocked) << "the others are full";
  while (readers_[0].read(4096) + readers_[2].read(4096) > 0) now = settle();
  EXPECT_EQ(reservoir_->dropped_taps(), 1u);
  EXPECT_EQ(reservoir_->living_taps(), 2u);
  EXPECT_LT(reservoir_->given(1), written_);
  inlet_.reset();
  EXPECT_EQ(settle().state, State::done);
  EXPECT_EQ(readers_[0].check.digest(), pattern_digest(seed, 0, written_));
  EXPECT_EQ(readers_[2].check.digest(), pattern_digest(seed, 0, written_));
}

TEST_F(ReservoirTest, a_reader_who_leaves_an_idle_reservoir_is_noticed) {
  build(3);
  for (std::size_t left = 0; left < 2; ++left) {
    const Step blocked = settle();
    ASSERT_EQ(blocked.wait.count, 2u);
    readers_[left].fd.reset();
    pollfd eye{.fd = blocked.wait.slots[1].fd.number(), .events = 0, .revents = 0};
    EXPECT_EQ(::poll(&eye, 1, 0), 1);
    EXPECT_EQ(settle().state, State::blocked);
    EXPECT_EQ(reservoir_->dropped_taps(), left + 1);
  }
  readers_[2].fd.reset();
  EXPECT_EQ(settle().state, State::failed);
}

TEST_F(ReservoirTest, without_a_reader_it_fails_and_closes_the_inlet) {
  build(2);
  EXPECT_EQ(put(5000), 5000u);
  for (Reader& reader : readers_) reader.fd.reset();
  const Step failed = settle();  // and no SIGPIPE kills the test
  EXPECT_EQ(failed.state, State::failed);
  EXPECT_EQ(failed.error, std::error_code(EPIPE, std::generic_category()));
  ASSERT_TRUE(reservoir_->error());
  EXPECT_EQ(reservoir_->error()->operation, "tee");
  pollfd inlet{.fd = inlet_.number(), .events = POLLOUT, .revents = 0};
  ASSERT_EQ(::poll(&inlet, 1, 0), 1);
  EXPECT_NE(inlet.revents & POLLERR, 0) << "the feeder learns of it";
  EXPECT_EQ(step().state, State::failed);
  reservoir_.reset();
  EXPECT_EQ(context_.counters().stranded_bytes, 5000u);
}

TEST_F(ReservoirTest, a_caller_who_ignores_sigpipe_is_not_guarded) {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  context_ = make_context({.sigpipe = Sigpipe::ignored_by_caller});
  build(1);
  EXPECT_EQ(put(1), 1u);
  readers_[0].fd.reset();
  EXPECT_EQ(settle().state, State::failed);
  reservoir_.reset();
  ::signal(SIGPIPE, before);
}

TEST_F(ReservoirTest, a_step_moves_no_more_than_its_limit) {
  build(2);
  EXPECT_EQ(put(50'000), 50'000u);
  inlet_.reset();
  Step before;
  for (;;) {
    const Step now = step(4097);
    EXPECT_LE(now.taken - before.taken, 4097u);
    EXPECT_LE(now.delivered - before.delivered, 4097u);
    before = now;
    if (now.state == State::done) break;
    // Each piece needs a slot of its own, and a pipe has sixteen.
    if (now.state == State::blocked) read_all();
  }
  EXPECT_EQ(before.delivered, 50'000u);
  read_all();
  for (Reader& reader : readers_) EXPECT_EQ(reader.check.count(), 50'000u);
}

TEST_F(ReservoirTest, a_limit_of_one_byte_and_of_none_moves_one) {
  build(1);
  EXPECT_EQ(put(3), 3u);
  EXPECT_EQ(step(1).delivered, 1u);
  EXPECT_EQ(step(0).delivered, 2u);
  EXPECT_EQ(step(UINT64_MAX).delivered, 3u);
}

TEST_F(ReservoirTest, what_is_inside_when_it_is_destroyed_is_stranded) {
  build(2, 8192);
  while (put(4096) > 0) settle();
  const Step full = settle();
  const std::uint64_t inside = written_ - full.delivered;
  ASSERT_GT(inside, 0u);
  reservoir_.reset();
  EXPECT_EQ(context_.counters().stranded_bytes, inside);
  for (Reader& reader : readers_) {
    EXPECT_EQ(reader.read(1 << 20), full.delivered) << "what a taker has stays his";
    EXPECT_EQ(reader.read(1), 0u);
  }
}

TEST_F(ReservoirTest, a_reader_who_is_ahead_loses_less) {
  build(2, 8192);
  while (put(4096) > 0) {
    settle();
    readers_[1].read(1 << 20);
  }
  const Step full = settle();
  readers_[0].fd.reset();
  ASSERT_EQ(settle().state, State::blocked) << "which drops it";
  EXPECT_EQ(reservoir_->dropped_taps(), 1u);
  EXPECT_GT(reservoir_->given(1), full.delivered);
  const std::uint64_t inside = written_ - reservoir_->given(1);
  reservoir_.reset();
  EXPECT_EQ(context_.counters().stranded_bytes, inside);
}

TEST_F(ReservoirTest, what_is_in_a_tap_that_nobody_took_is_stranded) {
  auto made = Reservoir::create(context_, 2);
  ASSERT_TRUE(made);
  {
    Sink sink = made->inlet();
    const OwnedFd inlet = EndpointAccess::take_owned(sink);
    ASSERT_TRUE(os::write(inlet, pattern(seed, 0, 3000)));
    const Source taken = made->tap(0);
    EXPECT_EQ(made->step().delivered, 3000u);
  }
  EXPECT_EQ(made->step().state, State::done);
  made = Reservoir::create(context_, 1);
  EXPECT_EQ(context_.counters().stranded_bytes, 3000u);
}

TEST_F(ReservoirTest, each_end_is_to_be_had_once) {
  build(1);
  EXPECT_EQ(reservoir_->tap(0).fd(), FdRef()) << "taken already";
  EXPECT_EQ(reservoir_->tap(1).fd(), FdRef()) << "there is none";
  const Receipt receipt = transfer(context_, Source("x"), reservoir_->inlet());
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(EBADF));
}

TEST_F(ReservoirTest, a_promised_length_tells_a_cut_off_stream) {
  auto made = Reservoir::create(context_, 1);
  ASSERT_TRUE(made);
  std::vector<std::byte> room(200);
  Transfer reader = Transfer::start(context_, made->tap(0, 100), Sink(room));
  EXPECT_EQ(transfer(context_, Source("cut off"), made->inlet()).ending, Ending::complete);
  EXPECT_EQ(made->step().state, State::done);
  EXPECT_EQ(reader.step().state, State::failed);
  EXPECT_EQ(reader.receipt().ending, Ending::source_shrank);
}

TEST_F(ReservoirTest, counts_against_the_budget_while_it_holds_its_ends) {
  build(2, 65536);
  EXPECT_EQ(context_.counters().pipes_open, 3u);
  EXPECT_EQ(context_.counters().pipe_bytes, 3u * 65536);
  readers_[0].fd.reset();
  settle();
  EXPECT_EQ(context_.counters().pipes_open, 2u);
  inlet_.reset();
  settle();
  EXPECT_EQ(context_.counters().pipes_open, 0u);
  reservoir_.reset();
  EXPECT_EQ(context_.counters().pipe_bytes, 0u);
}

TEST_F(ReservoirTest, needs_a_tap_and_a_budget) {
  const auto none = Reservoir::create(context_, 0);
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().is(EINVAL));
  Context poor = make_context({.pipe_budget_bytes = 16384});
  const auto too_many = Reservoir::create(poor, 4, {.pipe_bytes = 8192});
  ASSERT_FALSE(too_many);
  EXPECT_TRUE(too_many.error().is(ENOBUFS));
  EXPECT_EQ(poor.counters().pipes_open, 0u);
  EXPECT_TRUE(Reservoir::create(poor, 1, {.pipe_bytes = 8192}));
}

TEST_F(ReservoirTest, a_denied_call_is_told_before_a_byte_is_taken) {
  for (const std::string_view call : {"tee", "splice", "open", "pipe2"})
    for (const int number : {ENOSYS, EPERM, EACCES, ENFILE}) {
      const ScopedFaults faults({{.call = call, .error_number = number}});
      const auto made = Reservoir::create(context_, 2);
      ASSERT_FALSE(made) << call;
      EXPECT_TRUE(made.error().is(number)) << made.error().message();
      EXPECT_EQ(context_.counters().pipes_open, 0u);
    }
}

TEST_F(ReservoirTest, an_interrupted_call_is_repeated) {
  build(2);
  EXPECT_EQ(put(5000), 5000u);
  inlet_.reset();
  const ScopedFaults faults({{.call = "tee", .times = 3, .error_number = EINTR},
                             {.call = "splice", .times = 3, .error_number = EINTR}});
  EXPECT_EQ(settle().state, State::done);
  for (Reader& reader : readers_) EXPECT_EQ(reader.read(9000), 5000u);
}

TEST_F(ReservoirTest, a_call_that_says_wait_for_no_reason_is_asked_again_later) {
  for (const std::string_view call : {"tee", "splice"}) {
    build(1);
    EXPECT_EQ(put(5000), 5000u);
    {
      const ScopedFaults faults({{.call = call, .times = always, .error_number = EAGAIN}});
      const Step blocked = settle();
      EXPECT_EQ(blocked.state, State::blocked);
      EXPECT_EQ(blocked.wait.count, 0u);
      EXPECT_TRUE(blocked.wait.wake_at) << "and does not spin";
    }
    const Step gone_on = settle();
    EXPECT_EQ(gone_on.delivered, 5000u);
    EXPECT_EQ(gone_on.wait.count, 2u);
  }
}

TEST_F(ReservoirTest, a_refused_call_fails_it_with_that_error_and_leaves_the_taps_open) {
  for (const std::string_view call : {"tee", "splice"})
    for (const int number : {ENOMEM, EINVAL, ENOSYS, EPERM, EIO}) {
      build(2);
      EXPECT_EQ(put(5000), 5000u);
      const std::uint64_t stranded_before = context_.counters().stranded_bytes;
      const ScopedFaults faults({{.call = call, .times = always, .error_number = number}});
      const Step failed = settle();
      EXPECT_EQ(failed.state, State::failed);
      EXPECT_EQ(failed.error, std::error_code(number, std::generic_category()));
      ASSERT_TRUE(reservoir_->error());
      EXPECT_EQ(reservoir_->error()->operation, call);
      EXPECT_FALSE(reservoir_->error()->hint.empty());
      for (Reader& reader : readers_) {
        reader.read(9000);
        pollfd tap{.fd = reader.fd.number(), .events = POLLIN, .revents = 0};
        EXPECT_EQ(::poll(&tap, 1, 0), 0) << "a reader must not take this for the end";
      }
      reservoir_.reset();
      const std::uint64_t lost = call == "tee" ? 5000 : 0;  // else every tap has been given all
      EXPECT_EQ(context_.counters().stranded_bytes - stranded_before, lost);
    }
}

TEST_F(ReservoirTest, shortened_calls_change_nothing_but_their_number) {
  build(3);
  EXPECT_EQ(put(20'000), 20'000u);
  inlet_.reset();
  const ScopedFaults faults({{.call = "tee", .times = always, .shorten_to = 77},
                             {.call = "splice", .first = 2, .times = always, .shorten_to = 33}});
  while (settle().state != State::done) read_all();
  read_all();
  for (Reader& reader : readers_) EXPECT_EQ(reader.check.digest(), pattern_digest(seed, 0, 20'000));
}

// Random numbers of taps, sizes, limits and orders of writing, stepping, reading and leaving.
TEST_F(ReservoirTest, in_any_order_every_reader_who_stays_gets_every_byte) {
  std::mt19937_64 random(20'250);
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(round);
    written_ = 0;
    build(1 + below(5), static_cast<std::uint32_t>(4096u << below(5)));
    const std::uint64_t size = 1 + below(300'000);
    Step now;
    while (now.state != State::done && now.state != State::failed) {
      Reader& reader = readers_[below(readers_.size())];
      switch (below(4)) {
        case 0:
          if (written_ < size) put(1 + below(std::min<std::uint64_t>(size - written_, 70'000)));
          if (written_ == size) inlet_.reset();
          break;
        case 1: reader.read(1 + below(70'000)); break;
        case 2:
          if (below(200) == 0) reader.fd.reset();
          break;
        default: now = step(1 + below(100'000));
      }
    }
    const auto leavers =
        std::ranges::count_if(readers_, [](const Reader& one) { return !one.fd.valid(); });
    if (now.state == State::failed) {
      EXPECT_EQ(leavers, std::ssize(readers_));
    }
    read_all();
    for (Reader& reader : readers_) {
      EXPECT_EQ(reader.check.mismatch(), "");
      if (!reader.fd.valid()) continue;
      EXPECT_EQ(reader.check.digest(), pattern_digest(seed, 0, size));
    }
    reservoir_.reset();
    EXPECT_EQ(context_.counters().pipes_open, 0u);
  }
}

}  // namespace
}  // namespace leat::testing
