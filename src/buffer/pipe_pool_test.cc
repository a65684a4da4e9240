// Goal: pipes are used again, stay within their budget, and small ones serve where the system gives
// no larger ones. Method: real pipes; the seam plays the limits of pipe(7).

#include "buffer/pipe_pool.h"

#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "os/splice.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t kilo = 1 << 10;
constexpr std::uint64_t mega = 1 << 20;

class PipePoolTest : public GuardedTest {
 protected:
  static Pipe lease(PipePool& pool, std::uint64_t wanted) {
    auto pipe = pool.lease(wanted);
    EXPECT_TRUE(pipe) << pipe.error().message();
    return pipe ? std::move(*pipe) : Pipe();
  }
};

TEST_F(PipePoolTest, a_pipe_is_as_large_as_asked_for_and_counted) {
  PipePool pool(64 * mega);
  const Pipe pipe = lease(pool, mega);
  EXPECT_EQ(pipe.capacity, mega);
  EXPECT_EQ(os::pipe_capacity(pipe.read), mega);
  EXPECT_EQ(pool.open_pipes(), 1u);
  EXPECT_EQ(pool.capacity_bytes(), mega);
}

TEST_F(PipePoolTest, what_is_given_back_is_lent_again) {
  PipePool pool(64 * mega);
  Pipe pipe = lease(pool, mega);
  const int number = pipe.read.number();
  pool.give_back(std::move(pipe));
  EXPECT_EQ(pool.open_pipes(), 1u) << "it is kept";
  const ScopedFaults faults;
  EXPECT_EQ(lease(pool, 64 * kilo).read.number(), number) << "a larger one serves";
  EXPECT_EQ(faults.seen("pipe2"), 0u);
  EXPECT_EQ(pool.open_pipes(), 1u);
}

TEST_F(PipePoolTest, a_small_one_that_is_kept_does_not_stand_for_a_large_one) {
  PipePool pool(64 * mega);
  pool.give_back(lease(pool, 64 * kilo));
  EXPECT_EQ(lease(pool, mega).capacity, mega);
}

TEST_F(PipePoolTest, the_budget_is_never_exceeded) {
  for (const std::uint64_t budget : {4096ul, 5000ul, 65536ul, 100'000ul, 3'000'000ul}) {
    SCOPED_TRACE(budget);
    PipePool pool(budget);
    std::vector<Pipe> leased;
    for (auto pipe = pool.lease(mega); pipe; pipe = pool.lease(mega)) {
      leased.push_back(std::move(*pipe));
      ASSERT_LE(pool.capacity_bytes(), budget);
      ASSERT_LE(leased.size(), 64u);
    }
    EXPECT_GE(leased.size(), 1u);
    std::uint64_t sum = 0;
    for (const Pipe& pipe : leased) sum += *os::pipe_capacity(pipe.read);
    EXPECT_EQ(sum, pool.capacity_bytes());
    EXPECT_GT(sum, budget / 2) << "it could have given more";
  }
}

TEST_F(PipePoolTest, a_used_up_budget_is_enobufs) {
  PipePool pool(64 * kilo);
  const Pipe all = lease(pool, 64 * kilo);
  const ScopedFaults faults;
  const auto more = pool.lease(64 * kilo);
  ASSERT_FALSE(more);
  EXPECT_TRUE(more.error().is(ENOBUFS));
  EXPECT_EQ(faults.seen("pipe2"), 0u);
}

TEST_F(PipePoolTest, a_destroyed_pipe_leaves_the_budget) {
  PipePool pool(64 * kilo);
  pool.destroy(lease(pool, 64 * kilo));
  EXPECT_EQ(pool.open_pipes(), 0u);
  EXPECT_EQ(pool.capacity_bytes(), 0u);
  EXPECT_TRUE(pool.lease(64 * kilo));
}

TEST_F(PipePoolTest, a_pipe_that_lives_on_elsewhere_leaves_the_budget) {
  PipePool pool(64 * kilo);
  const Pipe pipe = lease(pool, 64 * kilo);
  pool.write_off(pipe);
  EXPECT_EQ(pool.capacity_bytes(), 0u);
  EXPECT_TRUE(os::pipe_capacity(pipe.read)) << "it is still open";
}

TEST_F(PipePoolTest, only_so_many_are_kept) {
  PipePool pool(64 * mega);
  std::vector<Pipe> leased;
  for (int i = 0; i < 20; ++i) leased.push_back(lease(pool, 64 * kilo));
  for (Pipe& pipe : leased) pool.give_back(std::move(pipe));
  EXPECT_EQ(pool.open_pipes(), 16u);
  EXPECT_EQ(pool.capacity_bytes(), 16 * 64 * kilo);
}

// pipe-max-size, or an unprivileged user over pipe-user-pages-soft. F_SETPIPE_SZ is the first
// fcntl.
TEST_F(PipePoolTest, a_size_that_is_not_permitted_is_a_smaller_pipe) {
  PipePool pool(64 * mega);
  const ScopedFaults faults({{.call = "fcntl", .error_number = EPERM}});
  EXPECT_EQ(lease(pool, mega).capacity, 64 * kilo);
  EXPECT_EQ(faults.fired(), 1u);
}

TEST_F(PipePoolTest, a_pipe_of_unknown_size_is_closed) {
  PipePool pool(64 * mega);
  const ScopedFaults faults({{.call = "fcntl", .times = always, .error_number = EPERM}});
  EXPECT_FALSE(pool.lease(mega));
  EXPECT_EQ(pool.open_pipes(), 0u);
}

// Else a host that gives only small pipes would make one for each transfer.
TEST_F(PipePoolTest, a_smaller_pipe_than_asked_for_is_used_again) {
  PipePool pool(64 * mega);
  {
    const ScopedFaults small({{.call = "fcntl", .error_number = EPERM}});
    pool.give_back(lease(pool, mega));
  }
  const ScopedFaults faults({{.call = "fcntl", .error_number = EPERM}});
  EXPECT_EQ(lease(pool, mega).capacity, 64 * kilo);
  EXPECT_EQ(faults.seen("pipe2"), 0u);
  EXPECT_EQ(pool.open_pipes(), 1u);
}

TEST_F(PipePoolTest, a_kept_pipe_serves_when_no_other_can_be_made) {
  PipePool pool(64 * mega);
  pool.give_back(lease(pool, 64 * kilo));
  const ScopedFaults faults({{.call = "pipe2", .error_number = EMFILE}});
  EXPECT_EQ(lease(pool, mega).capacity, 64 * kilo);
}

TEST_F(PipePoolTest, without_any_the_error_is_told) {
  PipePool pool(64 * mega);
  const ScopedFaults faults({{.call = "pipe2", .error_number = ENFILE}});
  const auto pipe = pool.lease(mega);
  ASSERT_FALSE(pipe);
  EXPECT_TRUE(pipe.error().is(ENFILE));
}

}  // namespace
}  // namespace leat::testing
