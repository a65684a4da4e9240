// Goal: a ring's operations end, their memory lives as long as they do, nobody is left asleep, and
// a denial says whose it is. Method: reads of pipes, which complete when the test writes; errors at
// the seam; a filter.

#include "os/ring.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "os/descriptor.h"
#include "os/splice.h"
#include "os/wait.h"
#include "support/files.h"
#include "support/filter.h"
#include "support/guards.h"
#include "support/keepers.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using os::Ring;
using os::RingNeed;
using os::RingOperation;
using os::RingRecords;
using Stage = RingOperation::Stage;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::uint64_t no_offset = UINT64_MAX;  // of pipes

OwnedFd wakeups_for_a_ring() {
  auto made = os::make_eventfd();
  if (!made) std::abort();
  return std::move(*made);
}

struct Rig {
  explicit Rig(RingUse use) : ring(wakeups, use) {}

  RingOperation& begin() {
    const auto begun = ring.begin();
    if (!begun) std::abort();
    return **begun;
  }
  /// A read that nothing has been written for.
  RingOperation& begin_read() {
    RingOperation& operation = begin();
    ring.read(operation, pipe.from, into, no_offset);
    return operation;
  }
  /// Waits for the eventfd and reaps; false after `patience`.
  bool wait_and_reap(seconds patience = seconds(20)) {
    pollfd entry{.fd = wakeups.number(), .events = POLLIN, .revents = 0};
    const auto ready = os::wait(std::span(&entry, 1), steady_clock::now() + patience);
    os::drain_eventfd(wakeups);
    ring.reap();
    return ready && *ready == 1;
  }
  void wait_until_finished(const RingOperation& operation) {
    while (operation.stage != Stage::finished) wait_and_reap();
  }
  void write_byte() const { EXPECT_EQ(::write(pipe.to.number(), "x", 1), 1); }

  OwnedFd wakeups = wakeups_for_a_ring();
  Pair pipe = make_pipe_pair(Blocking::yes);
  std::array<std::byte, 8> into{};
  Ring ring;
};

class RingTest : public GuardedTest, public ::testing::WithParamInterface<RingUse> {
 protected:
  void SetUp() override {
    const auto missing = os::ring_verdict(RingNeed::files);
    if (!missing.empty()) GTEST_SKIP() << "no io_uring here: " << missing;
  }
};

std::string name_of_use(const ::testing::TestParamInfo<RingUse>& use) {
  return use.param == RingUse::movable ? "movable" : "thread_bound";
}
INSTANTIATE_TEST_SUITE_P(Both, RingTest, ::testing::Values(RingUse::thread_bound, RingUse::movable),
                         name_of_use);

TEST_P(RingTest, reads_and_writes) {
  Rig rig(GetParam());
  EXPECT_FALSE(rig.ring.is_open()) << "before anybody needs it";
  RingOperation& reading = rig.begin_read();
  RingOperation& writing = rig.begin();
  const std::array<std::byte, 3> bytes{std::byte{1}, std::byte{2}, std::byte{3}};
  rig.ring.write(writing, rig.pipe.to, bytes, no_offset);
  EXPECT_TRUE(rig.ring.submit());
  EXPECT_EQ(rig.ring.in_flight(), 2u);
  rig.wait_until_finished(reading);
  rig.wait_until_finished(writing);
  EXPECT_EQ(writing.result, 3);
  EXPECT_EQ(reading.result, 3);
  EXPECT_EQ(rig.into[2], std::byte{3});
  rig.ring.end(reading);
  rig.ring.end(writing);
  EXPECT_EQ(rig.ring.in_flight(), 0u);
  EXPECT_EQ(rig.ring.finished(), 2u);
}

// poll(2) looks again at its timeout, so a wake-up that was lost shows in the time only: each one
// would cost all of `patience`.
TEST_P(RingTest, no_wake_up_is_lost_in_a_thousand_rounds) {
  constexpr int rounds = 1000;
  constexpr seconds patience{20};
  Rig rig(GetParam());
  std::counting_semaphore<> asked(0);
  std::jthread writer([&] {
    for (int round = 0; round < rounds; ++round) {
      asked.acquire();
      rig.write_byte();
    }
  });
  const auto began = steady_clock::now();
  for (int round = 0; round < rounds; ++round) {
    RingOperation& reading = rig.begin_read();
    ASSERT_TRUE(rig.ring.submit());
    asked.release();
    while (!reading.has_result()) rig.wait_and_reap(patience);
    EXPECT_EQ(reading.result, 1);
    rig.ring.end(reading);
  }
  EXPECT_LT(steady_clock::now() - began, patience) << "a wake-up was lost";
}

// Nothing is written: they end only because they are asked to.
// They make the eventfd readable as well (DEFER_TASKRUN), and one that is not fetched keeps the
// next from doing so.
TEST_P(RingTest, operations_that_nobody_is_told_of_silence_no_other) {
  Rig rig(GetParam());
  const OwnedFd file = pattern_file(1, 100'000);
  for (int round = 0; round < 20; ++round) {
    if (round == 0) rig.ring.end(rig.begin());  // opens it
    rig.ring.will_need(file, 0, 100'000);
    EXPECT_TRUE(rig.ring.submit());
    // Where it makes nothing readable there is nothing to wait for.
    if (GetParam() == RingUse::thread_bound) rig.wait_and_reap(seconds(1));
    EXPECT_EQ(rig.ring.in_flight(), 0u);
    RingOperation& reading = rig.begin();
    rig.ring.read_elsewhere(reading, file, rig.into, 0);
    EXPECT_TRUE(rig.ring.submit());
    while (reading.stage != Stage::finished) ASSERT_TRUE(rig.wait_and_reap());
    EXPECT_EQ(reading.result, 8);
    rig.ring.end(reading);
  }
}

TEST_P(RingTest, cancelled_operations_end) {
  Rig rig(GetParam());
  RingOperation& reading = rig.begin_read();
  EXPECT_TRUE(rig.ring.submit());
  rig.ring.cancel(reading);
  rig.wait_until_finished(reading);
  EXPECT_EQ(reading.result, -ECANCELED);
  rig.ring.cancel(reading);  // too late, and harmless
  rig.ring.end(reading);
}

TEST_P(RingTest, cancelled_before_it_was_handed_over) {
  Rig rig(GetParam());
  RingOperation& reading = rig.begin_read();
  rig.ring.cancel(reading);
  rig.wait_until_finished(reading);
  EXPECT_EQ(reading.result, -ECANCELED);
  rig.ring.end(reading);
}

TEST_P(RingTest, memory_stays_until_an_abandoned_operation_is_through) {
  Rig rig(GetParam());
  RingOperation& reading = rig.begin();
  auto memory = std::make_shared<std::array<std::byte, 64>>();
  const std::weak_ptr watched = memory;
  rig.ring.read(reading, rig.pipe.from, *memory, no_offset);
  reading.keeps = keeper_of(std::move(memory));
  EXPECT_TRUE(rig.ring.submit());
  rig.ring.end(reading);
  EXPECT_FALSE(watched.expired()) << "the kernel has not answered yet";
  while (rig.ring.in_flight() > 0) rig.wait_and_reap();
  EXPECT_TRUE(watched.expired());
}

TEST_P(RingTest, destroyed_with_operations_in_flight) {
  std::weak_ptr<std::array<std::byte, 64>> watched;
  int finished = 0;
  {
    Rig rig(GetParam());
    for (int i = 0; i < 3; ++i) {
      RingOperation& reading = rig.begin();
      auto memory = std::make_shared<std::array<std::byte, 64>>();
      watched = memory;
      rig.ring.read(reading, rig.pipe.from, *memory, no_offset);
      reading.keeps = keeper_of(std::move(memory));
      reading.who = &finished;
      reading.on_finish = [](RingOperation& operation) { ++*static_cast<int*>(operation.who); };
      if (i == 0) {
        EXPECT_TRUE(rig.ring.submit());
      }
    }
  }
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(finished, 3);
}

TEST_P(RingTest, more_operations_than_the_queue_holds) {
  Rig rig(GetParam());
  std::vector<RingOperation*> readings;
  for (std::size_t i = 0; i < RingRecords::most; ++i) {
    readings.push_back(&rig.begin());
    rig.ring.read(*readings.back(), rig.pipe.from, rig.into, no_offset);
  }
  const auto refused = rig.ring.begin();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(EAGAIN));
  EXPECT_TRUE(rig.ring.submit());
  for (RingOperation* const reading : readings) rig.ring.cancel(*reading);
  for (RingOperation* const reading : readings) {
    rig.wait_until_finished(*reading);
    EXPECT_EQ(reading->result, -ECANCELED);
    rig.ring.end(*reading);
  }
  EXPECT_TRUE(rig.ring.begin());
}

// What the kernel does not take is finished with the error; what it took before is not.
TEST_P(RingTest, a_failed_submit_finishes_what_was_not_taken) {
  for (const int error_number : {EAGAIN, EBUSY, ENOMEM, EBADR}) {
    SCOPED_TRACE(error_number);
    Rig rig(GetParam());
    RingOperation& before = rig.begin_read();
    EXPECT_TRUE(rig.ring.submit());
    RingOperation& reading = rig.begin_read();
    const auto memory = std::make_shared<int>(1);
    reading.keeps = keeper_of(memory);
    {
      const ScopedFaults faults({{.call = "io_uring_submit", .error_number = error_number}});
      const auto submitted = rig.ring.submit();
      ASSERT_FALSE(submitted);
      EXPECT_TRUE(submitted.error().is(error_number));
    }
    EXPECT_EQ(reading.stage, Stage::finished);
    EXPECT_EQ(reading.result, -error_number);
    EXPECT_EQ(memory.use_count(), 1) << "the kernel never had it";
    EXPECT_EQ(before.stage, Stage::in_flight);
    EXPECT_EQ(rig.ring.in_flight(), 1u);
    rig.ring.end(reading);
    // The ring goes on, and what was taken back is not read after all.
    RingOperation& after = rig.begin_read();
    EXPECT_TRUE(rig.ring.submit());
    for (unsigned round = 0; round < 2; ++round) {
      rig.write_byte();
      while (rig.ring.in_flight() > 1u - round) rig.wait_and_reap();
    }
    EXPECT_EQ(before.result, 1);
    EXPECT_EQ(after.result, 1);
    rig.ring.end(before);
    rig.ring.end(after);
  }
}

// The cancellation is the last in the queue then: it must not be taken for the operation before it.
TEST_P(RingTest, a_cancellation_that_is_not_taken) {
  Rig rig(GetParam());
  RingOperation& reading = rig.begin_read();
  EXPECT_TRUE(rig.ring.submit());
  {
    const ScopedFaults faults({{.call = "io_uring_submit", .error_number = EBUSY}});
    rig.ring.end(reading);
  }
  EXPECT_EQ(rig.ring.in_flight(), 1u);
  // A later one may get its record, and nobody cancels that.
  rig.write_byte();
  while (rig.ring.in_flight() > 0) rig.wait_and_reap();
  RingOperation& next = rig.begin_read();
  EXPECT_EQ(&next, &reading);
  EXPECT_TRUE(rig.ring.submit());
  rig.ring.reap();
  EXPECT_EQ(next.stage, Stage::in_flight);
  rig.write_byte();
  rig.wait_until_finished(next);
  EXPECT_EQ(next.result, 1);
  rig.ring.end(next);
}

TEST_P(RingTest, an_interrupted_submit_is_repeated) {
  Rig rig(GetParam());
  RingOperation& reading = rig.begin_read();
  const ScopedFaults faults({{.call = "io_uring_submit", .times = 3, .error_number = EINTR}});
  EXPECT_TRUE(rig.ring.submit());
  EXPECT_EQ(faults.fired(), 3u);
  rig.write_byte();
  rig.wait_until_finished(reading);
  EXPECT_EQ(reading.result, 1);
  rig.ring.end(reading);
}

// The eventfd has been read by then: the wake-up must not be lost.
TEST_P(RingTest, a_failed_reap_is_made_again) {
  for (const int error_number : {EINTR, EBUSY, ENOMEM, EPERM}) {
    Rig rig(GetParam());
    RingOperation& reading = rig.begin_read();
    EXPECT_TRUE(rig.ring.submit());
    rig.write_byte();
    const ScopedFaults faults({{.call = "io_uring_get_events", .error_number = error_number}});
    rig.wait_and_reap();
    EXPECT_TRUE(rig.wait_and_reap()) << "nobody was woken again";
    rig.wait_until_finished(reading);
    rig.ring.end(reading);
  }
}

TEST_P(RingTest, refused_at_the_start_and_tried_again) {
  for (const std::string_view call : {"io_uring_queue_init_params", "io_uring_register_eventfd"}) {
    for (const int error_number : {EPERM, ENOSYS, ENOMEM, EMFILE}) {
      SCOPED_TRACE(std::string(call) + " " + std::to_string(error_number));
      Rig rig(GetParam());
      {
        const ScopedFaults faults({{.call = call, .error_number = error_number}});
        const auto begun = rig.ring.begin();
        ASSERT_FALSE(begun);
        EXPECT_TRUE(begun.error().is(error_number));
        EXPECT_EQ(begun.error().operation.substr(0, 9), "io_uring_");
      }
      EXPECT_TRUE(rig.ring.begin());
    }
  }
}

TEST_P(RingTest, an_older_kernel_gets_fewer_flags) {
  Rig rig(GetParam());
  const ScopedFaults faults({{.call = "io_uring_queue_init_params", .error_number = EINVAL}});
  EXPECT_EQ(rig.ring.begin().has_value(), GetParam() == RingUse::thread_bound);
}

TEST_P(RingTest, on_another_thread) {
  Rig rig(GetParam());
  RingOperation& first = rig.begin_read();
  rig.write_byte();
  EXPECT_TRUE(rig.ring.submit());
  rig.wait_until_finished(first);
  rig.ring.end(first);
  std::thread([&] {
    const auto begun = rig.ring.begin();
    if (GetParam() == RingUse::thread_bound) {
      ASSERT_FALSE(begun);
      EXPECT_TRUE(begun.error().is(EEXIST));
      EXPECT_NE(begun.error().operation.find("thread_bound"), std::string_view::npos);
      return;
    }
    ASSERT_TRUE(begun);
    rig.ring.read(**begun, rig.pipe.from, rig.into, no_offset);
    EXPECT_TRUE(rig.ring.submit());
    rig.write_byte();
    rig.wait_until_finished(**begun);
    EXPECT_EQ((*begun)->result, 1);
    rig.ring.end(**begun);
  }).join();
}

class RingDenied : public GuardedTest {
 protected:
  // Such a library asks nobody.
  void SetUp() override {
    const auto missing = os::ring_verdict(RingNeed::files);
    if (missing == "leat was built without liburing") GTEST_SKIP() << missing;
  }
};

TEST_F(RingDenied, by_the_context) {
  Rig rig(RingUse::none);
  const auto begun = rig.ring.begin();
  ASSERT_FALSE(begun);
  EXPECT_NE(begun.error().operation.find("ContextOptions::ring"), std::string_view::npos);
}

TEST_F(RingDenied, by_a_filter) {
  if (const auto why = filters_unavailable(); !why.empty()) GTEST_SKIP() << why;
  for (const int error_number : {EPERM, ENOSYS}) {
    on_own_thread([&] {
      refuse_calls({"io_uring_setup"}, error_number);
      Rig rig(RingUse::thread_bound);
      const auto begun = rig.ring.begin();
      ASSERT_FALSE(begun);
      EXPECT_TRUE(begun.error().is(error_number));
      EXPECT_EQ(begun.error().operation, "io_uring_setup (denied by a seccomp filter)");
      for (const RingNeed need : {RingNeed::files, RingNeed::zero_copy_send})
        EXPECT_EQ(os::ring_verdict(need), "io_uring_setup (denied by a seccomp filter)");
    });
  }
}

TEST_F(RingDenied, by_a_filter_that_lets_it_open) {
  if (const auto why = filters_unavailable(); !why.empty()) GTEST_SKIP() << why;
  if (const auto missing = os::ring_verdict(RingNeed::files); !missing.empty())
    GTEST_SKIP() << "no io_uring here: " << missing;
  on_own_thread([&] {
    refuse_calls({"io_uring_enter"}, EPERM);
    Rig rig(RingUse::thread_bound);
    RingOperation& reading = rig.begin_read();
    const auto submitted = rig.ring.submit();
    ASSERT_FALSE(submitted);
    EXPECT_EQ(submitted.error().operation, "io_uring_enter (denied by a seccomp filter)");
    EXPECT_EQ(reading.result, -EPERM);
    rig.ring.end(reading);
  });
}

// The kernel's sysctl needs root to set: the seam plays its EPERM where no filter is in force.
TEST_F(RingDenied, by_nobody_known) {
  Rig rig(RingUse::movable);
  const ScopedFaults faults({{.call = "io_uring_queue_init_params", .error_number = EPERM}});
  const auto begun = rig.ring.begin();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().operation.substr(0, 14), "io_uring_setup");
}

// In a child, whose limits and user are its own. Its exit status is 0 if `body` found nothing.
int in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(RingDenied, by_the_limit_on_descriptors) {
  const int status = in_child([] {
    Rig rig(RingUse::thread_bound);
    const rlimit none{3, 3};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return false;
    const auto begun = rig.ring.begin();
    return !begun && begun.error().is(EMFILE) && begun.error().operation == "io_uring_setup";
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace leat::testing
