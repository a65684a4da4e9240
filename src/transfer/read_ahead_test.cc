// Goal: what may be taken is in memory, what is not is being read, and never farther ahead than the
// window, which follows the sink. Method: files put out of memory; the ring's own completions.

#include "transfer/read_ahead.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "os/ring.h"
#include "os/wait.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

using Answer = ReadAhead::Look::Answer;
constexpr std::uint64_t size = 16 << 20;
constexpr std::uint64_t least = ReadAhead::least_window_bytes;

OwnedFd wakeups_for_reads() {
  auto made = os::make_eventfd();
  if (!made) std::abort();
  return std::move(*made);
}

class ReadAheadTest : public GuardedTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  void SetUp() override {
    const auto missing = os::ring_verdict(os::RingNeed::files);
    if (GetParam() == 0 && !missing.empty()) GTEST_SKIP() << "no io_uring here: " << missing;
  }

  OwnedFd cold_file() {
    OwnedFd file = pattern_file(1, size);
    if (::fsync(file.number()) != 0) std::abort();
    evict(file);
    return file;
  }
  static void evict(FdRef file) {
    if (::posix_fadvise(file.number(), 0, 0, POSIX_FADV_DONTNEED) != 0) std::abort();
  }
  /// Until a read of it has finished.
  void wait(const ReadAhead& ahead) {
    wait_until([&] { return ahead.runnable(); });
  }
  template <class Condition>
  void wait_until(Condition holds) {
    while (!holds()) {
      pollfd entry{.fd = wakeups_.number(), .events = POLLIN, .revents = 0};
      ASSERT_TRUE(os::wait(std::span(&entry, 1), {}));
      os::drain_eventfd(wakeups_);
      ring_.reap();
      reads_.reap();
    }
  }
  /// Takes all that there is, `step` bytes at a time; how often it had to wait.
  int take_all(ReadAhead& ahead, std::uint64_t step) {
    int waits = 0;
    for (std::uint64_t taken = 0; taken < size;) {
      const auto look = ahead.look(taken, std::min(step, size - taken));
      if (look.answer == Answer::take) {
        EXPECT_GT(look.bytes, 0u);
        EXPECT_LE(look.bytes, step);
        taken += look.bytes;
      } else if (look.answer == Answer::wait) {
        ++waits;
        wait(ahead);
      } else if (look.answer == Answer::wait_for_room) {
        wait_until([&, before = reads_.finished()] { return reads_.finished() != before; });
      } else {
        ADD_FAILURE() << "answer " << static_cast<int>(look.answer);
        return waits;
      }
    }
    return waits;
  }

  OwnedFd wakeups_ = wakeups_for_reads();
  os::Ring ring_{wakeups_, GetParam() == 0 ? RingUse::thread_bound : RingUse::none};
  os::FileReads reads_{ring_, wakeups_, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, ReadAheadTest, ::testing::Values(0u, 2u), [](const auto& threads) {
  return threads.param == 0 ? "by_the_ring" : "by_threads";
});

TEST_P(ReadAheadTest, begins_nothing_for_what_is_in_memory) {
  const OwnedFd file = pattern_file(1, size);
  ReadAhead ahead(reads_, 0);
  ASSERT_TRUE(ahead.begin(file, 0, size, 0));
  EXPECT_EQ(take_all(ahead, 1 << 20), 0);
  EXPECT_EQ(ahead.prefetched(), 0u);
  EXPECT_EQ(reads_.finished(), 0u);
  EXPECT_FALSE(ring_.is_open());
}

TEST_P(ReadAheadTest, has_all_of_a_cold_file_read) {
  const OwnedFd file = cold_file();
  ReadAhead ahead(reads_, 0);
  ASSERT_TRUE(ahead.begin(file, 0, size, 0));
  EXPECT_GT(take_all(ahead, 1 << 20), 0);
  EXPECT_GT(ahead.prefetched(), size / 2) << "threads keep no order: the kernel reads ahead itself";
  EXPECT_GT(ahead.cold_waits(), 0u);
}

TEST_P(ReadAheadTest, the_window_is_doubled_where_there_was_nothing_up_to_its_bound) {
  const OwnedFd file = cold_file();
  ReadAhead ahead(reads_, 3 * least);
  ASSERT_TRUE(ahead.begin(file, 0, size, 0));
  EXPECT_EQ(ahead.window(), least);
  ASSERT_EQ(ahead.look(0, size).answer, Answer::wait);
  wait(ahead);
  static_cast<void>(ahead.look(0, size));
  EXPECT_EQ(ahead.window(), 2 * least);
  take_all(ahead, size);
  EXPECT_LE(ahead.window(), 3 * least);
}

TEST_P(ReadAheadTest, what_was_evicted_is_read_again) {
  const OwnedFd file = cold_file();
  ReadAhead ahead(reads_, 0);
  ASSERT_TRUE(ahead.begin(file, 0, size, 0));
  int waits = 0;
  for (int round = 0; round < 5; ++round) {
    ReadAhead::Look look = ahead.look(0, 4096);
    for (; look.answer == Answer::wait; look = ahead.look(0, 4096)) {
      ++waits;
      wait(ahead);
    }
    ASSERT_EQ(look.answer, Answer::take) << round;
    evict(file);
  }
  // Not one for each round: what was asked for before may come after the eviction.
  EXPECT_GE(waits, 2);
}

TEST_P(ReadAheadTest, the_files_end_is_no_wait) {
  const OwnedFd file = cold_file();
  ReadAhead ahead(reads_, 0);
  ASSERT_TRUE(ahead.begin(file, 4096, size - 4096, 100));
  ASSERT_EQ(::ftruncate(file.number(), 4096), 0);
  ASSERT_EQ(ahead.look(100, 4096).answer, Answer::wait);
  wait(ahead);
  EXPECT_EQ(ahead.look(100, 4096).answer, Answer::take) << "read(2) finds the end without waiting";
}

TEST_P(ReadAheadTest, ends_with_reads_in_flight) {
  const OwnedFd file = cold_file();
  ReadAhead ahead(reads_, 0);
  ASSERT_TRUE(ahead.begin(file, 0, size, 0));
  ASSERT_EQ(ahead.look(0, size).answer, Answer::wait);
  ahead.end();
  EXPECT_FALSE(ahead.active());
  EXPECT_FALSE(ahead.runnable());
  ASSERT_TRUE(ahead.begin(file, 0, size, 0));
  EXPECT_GE(take_all(ahead, 1 << 20), 0);
}

TEST_P(ReadAheadTest, what_cannot_be_seen_is_not_asked_for_for_ever) {
  const OwnedFd file = cold_file();
  ReadAhead ahead(reads_, 0);
  ASSERT_TRUE(ahead.begin(file, 0, size, 0));
  const ScopedFaults faults({{.call = "mincore", .times = always, .error_number = EAGAIN}});
  int waits = 0;
  for (; ahead.look(0, size).answer == Answer::wait; ++waits) wait(ahead);
  EXPECT_EQ(ahead.look(0, size).answer, Answer::unseen);
  EXPECT_LT(waits, 32);
}

}  // namespace
}  // namespace leat::testing
