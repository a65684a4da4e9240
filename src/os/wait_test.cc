// Goal: waits end for the reasons they name, and a signal is one of them. Method: real descriptors;
// moments are lower bounds only.

#include "os/wait.h"

#include <array>
#include <chrono>
#include <string_view>

#include <gtest/gtest.h>

#include "os/stream.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using std::chrono::steady_clock;

class OsWait : public GuardedTest {
 protected:
  Pair pipe_ = make_pipe_pair();
  std::array<pollfd, 1> fds_{pollfd{.fd = pipe_.from.number(), .events = POLLIN, .revents = 0}};
  void put_a_byte() {
    ASSERT_EQ(os::write(pipe_.to, std::as_bytes(std::span(std::string_view("x")))), 1u);
  }
};

TEST_F(OsWait, ends_when_something_is_ready) {
  put_a_byte();
  EXPECT_EQ(os::wait(fds_, std::nullopt), 1);
  EXPECT_EQ(fds_[0].revents, POLLIN);
}

TEST_F(OsWait, ends_at_its_time_and_not_before) {
  const auto until = steady_clock::now() + std::chrono::milliseconds(15);
  EXPECT_EQ(os::wait(fds_, until), 0);
  EXPECT_GE(steady_clock::now(), until);
}

TEST_F(OsWait, a_time_that_has_passed_is_now) {
  EXPECT_EQ(os::wait(fds_, steady_clock::now() - std::chrono::hours(1)), 0);
  EXPECT_EQ(os::wait(fds_, steady_clock::time_point{}), 0);
}

TEST_F(OsWait, a_signal_is_returned_and_not_swallowed) {
  put_a_byte();
  const ScopedFaults faults({{.call = "ppoll", .error_number = EINTR}});
  const auto ready = os::wait(fds_, std::nullopt);
  ASSERT_FALSE(ready);
  EXPECT_TRUE(ready.error().is(EINTR));
  EXPECT_EQ(faults.seen("ppoll"), 1u);
}

TEST_F(OsWait, ready_events_looks_without_waiting) {
  EXPECT_EQ(os::ready_events(pipe_.from, POLLIN), 0);
  put_a_byte();
  const ScopedFaults faults({{.call = "poll", .times = 2, .error_number = EINTR}});
  EXPECT_EQ(os::ready_events(pipe_.from, POLLIN), POLLIN);
  EXPECT_EQ(faults.seen("poll"), 3u);
}

TEST_F(OsWait, ready_events_shows_hang_ups_unasked) {
  pipe_.to.reset();
  EXPECT_EQ(os::ready_events(pipe_.from, 0), POLLHUP);
}

TEST_F(OsWait, an_eventfd_is_readable_from_signal_to_drain) {
  const auto event = os::make_eventfd();
  ASSERT_TRUE(event);
  EXPECT_EQ(os::ready_events(*event, POLLIN), 0);
  EXPECT_FALSE(os::drain_eventfd(*event)) << "there was nothing, and it must not wait";
  os::signal_eventfd(*event);
  os::signal_eventfd(*event);
  EXPECT_EQ(os::ready_events(*event, POLLIN), POLLIN);
  EXPECT_TRUE(os::drain_eventfd(*event));
  EXPECT_EQ(os::ready_events(*event, POLLIN), 0);
}

TEST_F(OsWait, an_eventfd_needs_a_descriptor) {
  const ScopedFaults faults({{.call = "eventfd", .error_number = EMFILE}});
  const auto event = os::make_eventfd();
  ASSERT_FALSE(event);
  EXPECT_TRUE(event.error().is(EMFILE));
}

}  // namespace
}  // namespace leat::testing
