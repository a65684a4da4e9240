// Goal: an Error says by name what went wrong, where, and what to do.

#include "os/error.h"

#include <gtest/gtest.h>

namespace leat::testing {
namespace {

TEST(OsError, keeps_the_errno_of_the_kernel) {
  errno = ENOSPC;
  const Error error = os::last_error("write").error();
  EXPECT_TRUE(error.is(ENOSPC));
  EXPECT_FALSE(error.is(EIO));
  EXPECT_FALSE(error.is(Errc::nothing_fits));
  EXPECT_EQ(error.operation, "write");
  EXPECT_EQ(error.name(), "ENOSPC");
}

// Errc 1 has the number of EPERM; only the category tells them apart.
TEST(OsError, an_error_of_leat_is_no_errno) {
  const Error error{.code = make_error_code(Errc::nothing_fits),
                    .operation = "plan",
                    .mechanism = {},
                    .subject = {},
                    .hint = {}};
  EXPECT_EQ(error.code.value(), EPERM);
  EXPECT_FALSE(error.is(EPERM));
  EXPECT_TRUE(error.is(Errc::nothing_fits));
  EXPECT_EQ(error.name(), "nothing_fits");
}

TEST(OsError, message_is_one_line_with_what_is_known) {
  Error error = os::make_error(EPIPE, "sendfile").error();
  EXPECT_EQ(error.message(), "sendfile: Broken pipe");
  error.subject = "sink";
  error.hint = "the reader left";
  EXPECT_EQ(error.message(), "sendfile sink: Broken pipe (the reader left)");
  error.operation = {};
  EXPECT_EQ(error.message(), "sink: Broken pipe (the reader left)");
}

TEST(OsError, every_errc_has_a_name_and_a_message_of_its_own) {
  constexpr int last = static_cast<int>(Errc::wrong_layout);
  for (int code = 1; code <= last; ++code) {
    Error error{.code = {code, error_category()},
                .operation = {},
                .mechanism = {},
                .subject = {},
                .hint = {}};
    EXPECT_NE(error.name(), "unknown") << code;
    EXPECT_NE(error.code.message(), "unknown error") << code;
    for (int other = 1; other < code; ++other)
      EXPECT_NE(error.code.message(), std::error_code(other, error_category()).message());
  }
  EXPECT_EQ(std::error_code(last + 1, error_category()).message(), "unknown error")
      << "an Errc was added: test it here";
}

TEST(OsError, retry_interrupted_repeats_only_what_was_interrupted) {
  int calls = 0;
  EXPECT_EQ(os::retry_interrupted([&] {
              errno = EINTR;
              return ++calls < 4 ? -1 : calls;
            }),
            4);
  calls = 0;
  EXPECT_EQ(os::retry_interrupted([&] {
              errno = EAGAIN;
              ++calls;
              return -1;
            }),
            -1);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace leat::testing
