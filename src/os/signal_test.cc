// Goal: a SIGPIPE that we cause never reaches the program, and one that is the program's own stays.
// Method: the default action is in force throughout, so that a SIGPIPE which gets through ends the
// test program.

#include "os/signal.h"

#include <pthread.h>
#include <signal.h>

#include <string_view>

#include <gtest/gtest.h>

#include "os/stream.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

bool is_pending() {
  sigset_t set;
  sigpending(&set);
  return sigismember(&set, SIGPIPE) == 1;
}

bool is_blocked() {
  sigset_t set;
  pthread_sigmask(SIG_SETMASK, nullptr, &set);
  return sigismember(&set, SIGPIPE) == 1;
}

/// SIGPIPE blocked for a while; what is pending at its end is thrown away.
class Blocked {
 public:
  Blocked() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  ~Blocked() {
    const timespec at_once{};
    sigtimedwait(&set_, nullptr, &at_once);
    pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
  }

 private:
  sigset_t set_;
};

class SigpipeGuardTest : public GuardedTest {
 protected:
  SigpipeGuardTest() { pipe_.from.reset(); }
  void SetUp() override {
    struct sigaction action{};
    ASSERT_EQ(::sigaction(SIGPIPE, nullptr, &action), 0);
    ASSERT_EQ(action.sa_handler, SIG_DFL) << "else nothing here is tested";
  }

  /// Writes to a pipe without a reader.
  void raise_under(os::SigpipeGuard& guard) {
    const auto written = os::write(pipe_.to, std::as_bytes(std::span(std::string_view("x"))));
    ASSERT_FALSE(written);
    ASSERT_TRUE(written.error().is(EPIPE));
    guard.raised();
  }

  Pair pipe_ = make_pipe_pair();
};

TEST_F(SigpipeGuardTest, the_default_action_would_kill) {
  EXPECT_EXIT(
      {
        [[maybe_unused]] const auto ignored =
            os::write(pipe_.to, std::as_bytes(std::span(std::string_view("x"))));
      },
      ::testing::KilledBySignal(SIGPIPE), "");
}

TEST_F(SigpipeGuardTest, takes_it_back) {
  {
    os::SigpipeGuard guard;
    guard.hold();
    raise_under(guard);
  }
  EXPECT_FALSE(is_pending());
  EXPECT_FALSE(is_blocked());
}

TEST_F(SigpipeGuardTest, does_nothing_until_it_is_held) {
  const os::SigpipeGuard guard;
  EXPECT_FALSE(guard.held());
  EXPECT_FALSE(is_blocked());
}

TEST_F(SigpipeGuardTest, may_be_held_twice) {
  {
    os::SigpipeGuard guard;
    guard.hold();
    guard.hold();
    EXPECT_TRUE(guard.held());
    EXPECT_TRUE(is_blocked());
    raise_under(guard);
  }
  EXPECT_FALSE(is_blocked()) << "the mask of the second time was taken for the program's";
}

TEST_F(SigpipeGuardTest, leaves_a_mask_that_blocks_it_already) {
  const Blocked blocked;
  {
    os::SigpipeGuard guard;
    guard.hold();
    raise_under(guard);
  }
  EXPECT_TRUE(is_blocked());
  EXPECT_FALSE(is_pending()) << "it was ours";
}

TEST_F(SigpipeGuardTest, leaves_one_that_was_pending_before) {
  const Blocked blocked;
  ASSERT_EQ(pthread_kill(pthread_self(), SIGPIPE), 0);
  {
    os::SigpipeGuard guard;
    guard.hold();
    raise_under(guard);
  }
  EXPECT_TRUE(is_pending());
}

TEST_F(SigpipeGuardTest, a_call_that_raised_nothing_is_left_alone) {
  {
    os::SigpipeGuard guard;
    guard.hold();
  }
  EXPECT_FALSE(is_blocked());
}

}  // namespace
}  // namespace leat::testing
