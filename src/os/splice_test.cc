// Goal: splice and pipes keep what their header promises. Method: real descriptors, and the seam
// for EINTR.

#include "os/splice.h"

#include <fcntl.h>

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "os/stream.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class OsSplice : public GuardedTest {
 protected:
  OwnedFd file_ = pattern_file(1, 100'000);
  Pair pipe_ = make_pipe_pair();
};

TEST_F(OsSplice, advances_the_offsets_it_is_given_and_no_others) {
  const OwnedFd sink = file_with({});
  std::uint64_t from = 4099;
  std::uint64_t to = 9;
  EXPECT_EQ(os::splice(file_, &from, pipe_.to, nullptr, 3000, false), 3000u);
  EXPECT_EQ(os::splice(pipe_.from, nullptr, sink, &to, 3000, false), 3000u);
  EXPECT_EQ(from, 7099u);
  EXPECT_EQ(to, 3009u);
  EXPECT_EQ(cursor_of(file_), 0);
  EXPECT_EQ(cursor_of(sink), 0);
  EXPECT_EQ(text_of(sink).substr(9), text_of(file_).substr(4099, 3000));
}

TEST_F(OsSplice, without_an_offset_moves_the_descriptors_own) {
  EXPECT_EQ(os::splice(file_, nullptr, pipe_.to, nullptr, 3000, false), 3000u);
  EXPECT_EQ(cursor_of(file_), 3000);
}

TEST_F(OsSplice, a_failing_call_leaves_the_offset) {
  const ScopedFaults faults({{.call = "splice", .error_number = EINVAL}});
  std::uint64_t from = 33;
  const auto moved = os::splice(file_, &from, pipe_.to, nullptr, 3000, false);
  ASSERT_FALSE(moved);
  EXPECT_TRUE(moved.error().is(EINVAL));
  EXPECT_EQ(from, 33u);
}

TEST_F(OsSplice, is_repeated_when_interrupted) {
  const ScopedFaults faults({{.call = "splice", .times = 2, .error_number = EINTR}});
  EXPECT_EQ(os::splice(file_, nullptr, pipe_.to, nullptr, 10, false), 10u);
  EXPECT_EQ(faults.seen("splice"), 3u);
}

// Since Linux 6.8 a length near SIZE_MAX is EINVAL.
TEST_F(OsSplice, takes_any_limit) {
  EXPECT_GT(os::splice(file_, nullptr, pipe_.to, nullptr, UINT64_MAX, false).value_or(0), 0u);
}

// The pipes are blocking: without SPLICE_F_NONBLOCK the test would hang.
TEST_F(OsSplice, never_waits_on_a_pipe) {
  set_blocking(pipe_.from, Blocking::yes);
  set_blocking(pipe_.to, Blocking::yes);
  const OwnedFd sink = file_with({});
  const auto empty = os::splice(pipe_.from, nullptr, sink, nullptr, 10, false);
  ASSERT_FALSE(empty);
  EXPECT_TRUE(empty.error().is(EAGAIN));
  auto moved = os::splice(file_, nullptr, pipe_.to, nullptr, 100'000, false);
  while (moved && *moved > 0) moved = os::splice(file_, nullptr, pipe_.to, nullptr, 100'000, false);
  ASSERT_FALSE(moved);
  EXPECT_TRUE(moved.error().is(EAGAIN));
}

TEST_F(OsSplice, zero_is_an_empty_pipe_without_writers) {
  pipe_.to.reset();
  const OwnedFd sink = file_with({});
  EXPECT_EQ(os::splice(pipe_.from, nullptr, sink, nullptr, 10, false), 0u);
}

TEST_F(OsSplice, a_new_pipe_neither_blocks_nor_is_inherited) {
  const auto made = os::make_pipe();
  ASSERT_TRUE(made);
  for (const OwnedFd* end : {&made->read, &made->write}) {
    EXPECT_NE(::fcntl(end->number(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(end->number(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST_F(OsSplice, a_new_pipe_needs_descriptors) {
  const ScopedFaults faults({{.call = "pipe2", .error_number = EMFILE}});
  const auto made = os::make_pipe();
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().is(EMFILE));
}

TEST_F(OsSplice, capacity_is_what_was_given_which_may_be_more) {
  const auto given = os::set_pipe_capacity(pipe_.to, 5000);
  ASSERT_TRUE(given);
  EXPECT_EQ(*given, 8192u);
  EXPECT_EQ(os::pipe_capacity(pipe_.from), *given);
  EXPECT_EQ(os::set_pipe_capacity(pipe_.to, 1 << 20), 1u << 20);
}

TEST_F(OsSplice, a_pipe_that_holds_more_does_not_shrink) {
  ASSERT_EQ(os::write(pipe_.to, pattern(1, 0, 20'000)), 20'000u);
  const auto given = os::set_pipe_capacity(pipe_.to, 4096);
  ASSERT_FALSE(given);
  EXPECT_TRUE(given.error().is(EBUSY));
  EXPECT_EQ(os::pipe_capacity(pipe_.to), 65536u);
}

TEST_F(OsSplice, an_absurd_capacity_is_an_error_and_no_overflow) {
  const auto given = os::set_pipe_capacity(pipe_.to, UINT64_MAX);
  if (!given) {
    EXPECT_TRUE(given.error().is(EPERM) || given.error().is(ENOMEM)) << given.error().message();
    EXPECT_EQ(os::pipe_capacity(pipe_.to), 65536u);
  }
}

}  // namespace
}  // namespace leat::testing
