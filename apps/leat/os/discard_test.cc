#include "os/discard.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "os/loopback.h"
#include "os/pipe.h"

namespace leat::app::os {
namespace {

using Discard = Result<std::uint64_t> (*)(FdRef);

/// What comes out of `to` went into `from`.
struct Stream {
  OwnedFd from;
  OwnedFd to;
};

Stream over(Result<OwnedFd> listener) {
  if (!listener) return {};
  Result<OwnedFd> from = connect_to_listener(*listener);
  Result<OwnedFd> to = accept_one(*listener);
  if (!from || !to) return {};
  return {std::move(*from), std::move(*to)};
}

Stream tcp() { return over(listen_on_loopback()); }
Stream unix_stream() { return over(listen_on_abstract_name()); }

Stream pipe_stream() {
  Result<Pipe> pipe = make_large_pipe();
  if (!pipe) return {};
  return {std::move(pipe->in), std::move(pipe->out)};
}

// Goal: each way gets all of a stream of any length, and its end. Method: a thread writes in odd
// pieces and closes.
void expect_all(Stream (*make)(), Discard discard) {
  constexpr std::array<std::size_t, 6> sizes{0, 1, 4095, 4097, (1u << 16) + 1, (5u << 20) + 3};
  for (const std::size_t size : sizes) {
    Stream stream = make();
    ASSERT_TRUE(stream.from.valid() && stream.to.valid());
    std::thread writer([&] {
      const std::vector<std::byte> bytes(70'001);
      for (std::size_t left = size; left > 0;) {
        const ssize_t count =
            ::write(stream.from.number(), bytes.data(), std::min(left, bytes.size()));
        if (count <= 0) break;
        left -= static_cast<std::size_t>(count);
      }
      stream.from.reset();
    });
    const auto got = discard(stream.to);
    writer.join();
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(*got, size);
  }
}

TEST(Discard, FromTcp) { expect_all(tcp, discard_from_tcp); }
TEST(Discard, FromAUnixSocket) { expect_all(unix_stream, discard_from_unix); }
TEST(Discard, FromAPipe) { expect_all(pipe_stream, discard_from_pipe); }

TEST(Discard, ByReading) {
  expect_all(tcp, read_to_end);
  expect_all(unix_stream, read_to_end);
  expect_all(pipe_stream, read_to_end);
}

TEST(Discard, AResetIsAnError) {
  for (const Discard discard : {Discard(discard_from_tcp), Discard(read_to_end)}) {
    Stream stream = tcp();
    ASSERT_TRUE(stream.from.valid() && stream.to.valid());
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(stream.from.number(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    stream.from.reset();
    const auto got = discard(stream.to);
    ASSERT_FALSE(got);
    EXPECT_TRUE(got.error().is(ECONNRESET)) << got.error().message();
  }
}

}  // namespace
}  // namespace leat::app::os
