// Goal: tee and the count of a pipe's bytes keep what their header promises. Method: real pipes,
// and the seam for EINTR.

#include "os/tee.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "os/signal.h"
#include "os/splice.h"
#include "os/stream.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class OsTee : public GuardedTest {
 protected:
  void put(std::uint64_t count) {
    ASSERT_EQ(os::write(from_.to, pattern(1, written_, count)), count);
    written_ += count;
  }
  std::vector<std::byte> get(FdRef pipe, std::uint64_t count) {
    std::vector<std::byte> bytes(count);
    EXPECT_EQ(os::read(pipe, bytes), count);
    return bytes;
  }

  Pair from_ = make_pipe_pair();
  Pair to_ = make_pipe_pair();
  std::uint64_t written_ = 0;
};

TEST_F(OsTee, duplicates_the_front_and_takes_nothing) {
  put(4097);
  EXPECT_EQ(os::tee(from_.from, to_.to, 1 << 20), 4097u);
  EXPECT_EQ(os::tee(from_.from, to_.to, 10), 10u) << "the same ones again";
  EXPECT_EQ(get(to_.from, 4097), pattern(1, 0, 4097));
  EXPECT_EQ(get(to_.from, 10), pattern(1, 0, 10));
  EXPECT_EQ(get(from_.from, 4097), pattern(1, 0, 4097));
}

TEST_F(OsTee, what_is_written_later_does_not_reach_the_duplicate) {
  put(100);
  EXPECT_EQ(os::tee(from_.from, to_.to, 1 << 20), 100u);
  put(100);  // into the same page
  EXPECT_EQ(os::bytes_in_pipe(to_.from), 100u);
  EXPECT_EQ(get(to_.from, 100), pattern(1, 0, 100));
}

TEST_F(OsTee, an_empty_pipe_is_a_wait_and_one_without_a_writer_an_end) {
  const auto empty = os::tee(from_.from, to_.to, 10);
  ASSERT_FALSE(empty);
  EXPECT_TRUE(empty.error().is(EAGAIN));
  from_.to.reset();
  EXPECT_EQ(os::tee(from_.from, to_.to, 10), 0u);
}

TEST_F(OsTee, a_full_pipe_is_a_wait_although_it_holds_few_bytes) {
  const auto capacity = os::set_pipe_capacity(to_.to, 8192);
  ASSERT_TRUE(capacity);
  for (std::uint64_t page = 0; page < *capacity / 4096; ++page) {
    put(1);
    ASSERT_EQ(os::tee(from_.from, to_.to, 1), 1u);
  }
  EXPECT_EQ(os::bytes_in_pipe(to_.to), *capacity / 4096);
  const auto full = os::tee(from_.from, to_.to, 1);
  ASSERT_FALSE(full);
  EXPECT_TRUE(full.error().is(EAGAIN));
}

TEST_F(OsTee, a_reader_who_left_is_told_once_there_are_bytes) {
  os::SigpipeGuard guard;
  guard.hold();
  to_.from.reset();
  const auto silent = os::tee(from_.from, to_.to, 10);
  ASSERT_FALSE(silent);
  EXPECT_TRUE(silent.error().is(EAGAIN));
  put(1);
  const auto gone = os::tee(from_.from, to_.to, 10);
  ASSERT_FALSE(gone);
  EXPECT_TRUE(gone.error().is(EPIPE));
  guard.raised();
}

TEST_F(OsTee, a_length_beyond_what_one_call_takes_is_no_error) {
  put(10);
  EXPECT_EQ(os::tee(from_.from, to_.to, UINT64_MAX), 10u);
}

TEST_F(OsTee, is_repeated_when_interrupted) {
  put(10);
  const ScopedFaults faults({{.call = "tee", .times = 2, .error_number = EINTR}});
  EXPECT_EQ(os::tee(from_.from, to_.to, 10), 10u);
  EXPECT_EQ(faults.seen("tee"), 3u);
}

TEST_F(OsTee, only_pipes_count_what_they_hold_and_only_pipes_are_duplicated) {
  EXPECT_EQ(os::bytes_in_pipe(from_.from), 0u);
  const auto nothing = os::bytes_in_pipe(FdRef());
  ASSERT_FALSE(nothing);
  EXPECT_TRUE(nothing.error().is(EBADF));
  const auto same = os::tee(from_.from, from_.to, 10);
  ASSERT_FALSE(same);
  EXPECT_TRUE(same.error().is(EINVAL));
}

}  // namespace
}  // namespace leat::testing
