#include "os/single_calls.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "os/call_trace.h"
#include "os/payload_file.h"
#include "os/pipe.h"

namespace leat::app::os {
namespace {

TEST(SingleCalls, TellTheErrno) {
  const Result<OwnedFd> file = nameless_file(::testing::TempDir());
  ASSERT_TRUE(file) << file.error().message();
  const auto spliced = splice_once(*file, *file, 1);
  ASSERT_FALSE(spliced);
  EXPECT_TRUE(spliced.error().is(EINVAL));
  const auto sent = sendfile_once(FdRef(), *file, 0, 1);
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error().is(EBADF));
}

TEST(SingleCalls, ReadAvailableNeverWaits) {
  const Result<Pipe> pipe = make_pipe();
  ASSERT_TRUE(pipe);
  std::array<std::byte, 8> into{};
  EXPECT_EQ(read_available(pipe->out, into).value_or(99), 0u);
  const std::array<std::byte, 3> bytes{std::byte{1}, std::byte{2}, std::byte{3}};
  ASSERT_TRUE(append(pipe->in, bytes));
  EXPECT_EQ(read_available(pipe->out, into).value_or(99), 3u);
  EXPECT_EQ(into[2], std::byte{3});
}

TEST(SingleCalls, DiscardExactlySeesAnEarlyEnd) {
  Result<SocketPair> pair = unix_socket_pair();
  ASSERT_TRUE(pair);
  pair->one.reset();
  const auto discarded = discard_exactly(pair->other, 1);
  ASSERT_FALSE(discarded);
  EXPECT_TRUE(discarded.error().is(EPIPE));
}

TEST(TraceCalls, SeesWhatHappensBetweenTheMarks) {
  const auto calls = trace_calls([](const std::function<void()>& mark) {
    static_cast<void>(::fcntl(0, F_GETFD));
    mark();
    static_cast<void>(::lseek(0, 0, SEEK_CUR));
    static_cast<void>(::fcntl(0, F_GETFD));
    mark();
    static_cast<void>(::fcntl(0, F_GETFD));
  });
  if (!calls && calls.error().is(EPERM)) GTEST_SKIP() << calls.error().message();
  ASSERT_TRUE(calls) << calls.error().message();
  EXPECT_EQ(*calls, (std::vector<std::string>{"lseek", "fcntl"}));
}

TEST(TraceCalls, AChildThatEndsEarlyIsAnError) {
  const auto calls = trace_calls([](const std::function<void()>& mark) { mark(); });
  ASSERT_FALSE(calls);
  if (calls.error().is(EPERM)) GTEST_SKIP() << calls.error().message();
  EXPECT_TRUE(calls.error().is(ECHILD));
}

}  // namespace
}  // namespace leat::app::os
