// Goal: read, write, recv, send and their kin keep what their header promises. Method: each call on
// a real descriptor, interrupted through the seam, at the end of its source, and with nothing
// there.

#include "os/stream.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct Call {
  std::string name;
  std::function<Result<std::uint64_t>()> make;
};

class Stream : public GuardedTest {
 protected:
  Pair tcp_ = make_tcp_pair();
  Pair pipe_ = make_pipe_pair();
  OwnedFd file_ = pattern_file(1, 5000);
  std::array<std::byte, 64> room_{};
  std::string text_ = "twelve bytes";
  std::array<iovec, 2> pieces_{iovec{text_.data(), 5}, iovec{text_.data() + 5, 7}};

  void fill_sources() {
    ASSERT_EQ(os::write(pipe_.to, bytes_of(text_)), text_.size());
    ASSERT_EQ(os::send(tcp_.to, bytes_of(text_), {}), text_.size());
    wait_for(tcp_.from, POLLIN);
  }

  std::vector<Call> reading_calls() {
    return {{"read", [this] { return os::read(pipe_.from, room_); }},
            {"pread", [this] { return os::pread(file_, room_, 4999); }},
            {"recv", [this] { return os::recv(tcp_.from, room_, false); }}};
  }
  std::vector<Call> writing_calls() {
    return {{"write", [this] { return os::write(pipe_.to, bytes_of(text_)); }},
            {"pwrite", [this] { return os::pwrite(file_, bytes_of(text_), 77); }},
            {"writev", [this] { return os::writev(pipe_.to, pieces_); }},
            {"pwritev", [this] { return os::pwritev(file_, pieces_, 177); }},
            {"send", [this] { return os::send(tcp_.to, bytes_of(text_), {}); }},
            {"sendmsg", [this] { return os::sendmsg(tcp_.to, pieces_, {}); }}};
  }
};

TEST_F(Stream, is_repeated_when_interrupted) {
  fill_sources();
  std::vector<Call> calls = reading_calls();
  std::ranges::move(writing_calls(), std::back_inserter(calls));
  for (const Call& call : calls) {
    SCOPED_TRACE(call.name);
    const ScopedFaults faults({{.call = call.name, .times = 3, .error_number = EINTR}});
    const auto moved = call.make();
    ASSERT_TRUE(moved) << moved.error().message();
    EXPECT_GT(*moved, 0u);
    EXPECT_EQ(faults.seen(call.name), 4u);
  }
}

TEST_F(Stream, other_errors_are_returned_once_with_the_name_of_the_call) {
  fill_sources();
  std::vector<Call> calls = reading_calls();
  std::ranges::move(writing_calls(), std::back_inserter(calls));
  for (const Call& call : calls) {
    SCOPED_TRACE(call.name);
    const ScopedFaults faults({{.call = call.name, .error_number = EIO}});
    const auto moved = call.make();
    ASSERT_FALSE(moved);
    EXPECT_TRUE(moved.error().is(EIO));
    EXPECT_EQ(moved.error().operation, call.name);
    EXPECT_EQ(faults.seen(call.name), 1u);
  }
}

TEST_F(Stream, a_short_count_is_no_error) {
  fill_sources();
  std::vector<Call> calls = reading_calls();
  std::ranges::move(writing_calls(), std::back_inserter(calls));
  for (const Call& call : calls) {
    SCOPED_TRACE(call.name);
    const ScopedFaults faults({{.call = call.name, .shorten_to = 1}});
    EXPECT_EQ(call.make(), 1u);
  }
}

TEST_F(Stream, zero_is_the_end_of_the_source) {
  pipe_.to.reset();
  tcp_.to.reset();
  wait_for(tcp_.from, POLLIN);
  EXPECT_EQ(os::read(pipe_.from, room_), 0u);
  EXPECT_EQ(os::recv(tcp_.from, room_, false), 0u);
  EXPECT_EQ(os::pread(file_, room_, 5000), 0u);
  EXPECT_EQ(os::pread(file_, room_, 1ull << 40), 0u);
}

TEST_F(Stream, positioned_calls_leave_the_descriptors_own_offset) {
  EXPECT_EQ(os::pread(file_, room_, 100), room_.size());
  EXPECT_EQ(os::pwrite(file_, bytes_of(text_), 200), text_.size());
  EXPECT_EQ(os::pwritev(file_, pieces_, 300), text_.size());
  EXPECT_EQ(cursor_of(file_), 0);
  EXPECT_EQ(text_of(file_).substr(200, text_.size()), text_);
  EXPECT_EQ(text_of(file_).substr(300, text_.size()), text_);
}

TEST_F(Stream, offsets_have_64_bits) {
  constexpr std::uint64_t far = (5ull << 30) + 3;
  EXPECT_EQ(os::pwrite(file_, bytes_of(text_), far), text_.size());
  EXPECT_EQ(os::pread(file_, room_, far), text_.size());
  EXPECT_EQ(size_of(file_), far + text_.size());
}

// The flag is of the call: the descriptors stay blocking, and would hang the test without it.
TEST_F(Stream, sockets_do_not_wait_unless_told_to) {
  Pair tcp = make_tcp_pair(Blocking::yes);
  const std::string before = demeanour(tcp.to);
  const auto nothing = os::recv(tcp.from, room_, false);
  ASSERT_FALSE(nothing);
  EXPECT_TRUE(nothing.error().is(EAGAIN));

  const std::vector<std::byte> large(1 << 20);
  for (auto sent = os::send(tcp.to, large, {}); sent; sent = os::send(tcp.to, large, {})) {
  }
  const std::array piece{iovec{const_cast<std::byte*>(large.data()), large.size()}};
  const auto full = os::sendmsg(tcp.to, piece, {});
  ASSERT_FALSE(full);
  EXPECT_TRUE(full.error().is(EAGAIN));
  EXPECT_EQ(demeanour(tcp.to), before);
}

TEST_F(Stream, recv_waits_if_told_to) {
  Pair tcp = make_tcp_pair(Blocking::yes);
  const Feeder feeder(std::move(tcp.to), 3, 0, 10);
  EXPECT_GT(os::recv(tcp.from, room_, true).value_or(0), 0u);
}

// The default action is in force: a SIGPIPE would end the test.
TEST_F(Stream, sends_never_raise_sigpipe) {
  Pair pair = make_unix_pair();
  pair.from.reset();
  const auto sent = os::send(pair.to, bytes_of(text_), {});
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error().is(EPIPE));
  const auto sent_pieces = os::sendmsg(pair.to, pieces_, {});
  ASSERT_FALSE(sent_pieces);
  EXPECT_TRUE(sent_pieces.error().is(EPIPE));
}

// Held back only with `more_follows`: the reader sees nothing of the partial segment until a send
// without it. Both are looked at by TCP's own count of what was not sent yet.
TEST_F(Stream, more_follows_holds_a_partial_segment_back) {
  const auto not_sent = [&] {
    int count = -1;
    EXPECT_EQ(::ioctl(tcp_.to.number(), SIOCOUTQNSD, &count), 0);
    return count;
  };
  EXPECT_EQ(os::send(tcp_.to, bytes_of(text_), {.more_follows = true}), text_.size());
  EXPECT_EQ(not_sent(), 12);
  EXPECT_EQ(os::send(tcp_.to, bytes_of(text_), {}), text_.size());
  EXPECT_EQ(not_sent(), 0);
}

}  // namespace
}  // namespace leat::testing
