// Goal: every errno is either "go on another way" or "the bytes cannot move", and each is decided
// on purpose (pitfalls 12, 32).

#include "mechanism/errnos.h"

#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "os/error.h"
#include "support/pump_bench.h"

namespace leat::testing {
namespace {

using Outcome = Moved::Outcome;

constexpr std::array capability = {EINVAL,  ENOSYS, EOPNOTSUPP, EXDEV,  EPERM,  EACCES,
                                   ENOBUFS, ENOMEM, ETXTBSY,    EMFILE, ENFILE, ESPIPE};
constexpr std::array data = {EIO,    ENOSPC,    EPIPE, ECONNRESET, EFBIG,    EDQUOT,
                             EFAULT, ETIMEDOUT, EBADF, EROFS,      ENOTCONN, ENOENT};

Error error_of(int error_number) { return os::make_error(error_number, "call").error(); }

TEST(Errnos, capability_errnos_refuse) {
  for (const int number : capability)
    EXPECT_EQ(ending_for({}, error_of(number)).outcome, Outcome::refused)
        << strerrorname_np(number);
}

TEST(Errnos, data_errnos_fail) {
  for (const int number : data)
    EXPECT_EQ(ending_for({}, error_of(number)).outcome, Outcome::failed) << strerrorname_np(number);
}

TEST(Errnos, a_mechanism_adds_its_own) {
  EXPECT_EQ(ending_for({}, error_of(EIO), {EBADF, EIO}).outcome, Outcome::refused);
  EXPECT_EQ(ending_for({}, error_of(ENOSPC), {EBADF, EIO}).outcome, Outcome::failed);
}

TEST(Errnos, below_the_floor_there_is_no_other_way) {
  for (const int number : capability)
    EXPECT_EQ(failing_for({}, error_of(number)).outcome, Outcome::failed)
        << strerrorname_np(number);
}

TEST(Errnos, what_was_moved_before_is_kept) {
  const Moved before{.taken = 7, .delivered = 5, .calls = 2};
  for (const Moved& after :
       {ending_for(before, error_of(EINVAL)), failing_for(before, error_of(EIO))}) {
    EXPECT_EQ(after.taken, 7u);
    EXPECT_EQ(after.delivered, 5u);
    EXPECT_EQ(after.calls, 2u);
    EXPECT_EQ(after.operation, "call");
    EXPECT_NE(after.error_number, 0);
  }
}

// An errno of leat's own category may have the number of a kernel's.
TEST(Errnos, only_the_kernels_errnos_count) {
  Error error = error_of(0);
  error.code = {EINVAL, error_category()};
  EXPECT_EQ(ending_for({}, error).outcome, Outcome::failed);
}

}  // namespace
}  // namespace leat::testing
