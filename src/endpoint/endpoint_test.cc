// Goal: endpoints are what their constructors say, and opening refuses what carries no bytes.

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/endpoint.h>

#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class Endpoint : public GuardedTest {
 protected:
  Folder folder_;
  std::string path_ = folder_.file("file");

  static OwnedFd opened(const char* path, int flags) {
    return OwnedFd(::open(path, flags | O_CLOEXEC));
  }
};

TEST_F(Endpoint, an_empty_source_is_memory_of_no_bytes) {
  const Source source;
  EXPECT_EQ(source.kind(), Kind::memory);
  EXPECT_EQ(source.length(), 0u);
  EXPECT_TRUE(source.bytes().empty());
  const Sink sink;
  EXPECT_EQ(sink.kind(), Kind::memory);
  EXPECT_TRUE(sink.bytes().empty());
}

TEST_F(Endpoint, named_constructors_take_our_word_and_make_no_call) {
  const Source file = Source::file(FdRef(999), {7, 9});
  EXPECT_EQ(file.kind(), Kind::file);
  EXPECT_EQ(file.offset(), 7u);
  EXPECT_EQ(file.length(), 9u);
  EXPECT_FALSE(file.owned());
  EXPECT_EQ(Source::socket(FdRef(999)).length(), to_end);
  EXPECT_EQ(Source::pipe(FdRef(999), 3).length(), 3u);
  EXPECT_EQ(Sink::file(FdRef(999), 5).offset(), 5u);
  EXPECT_EQ(Sink::socket(FdRef(999)).fd(), FdRef(999));
}

TEST_F(Endpoint, what_is_owned_closes_with_it) {
  OwnedFd fd = file_with({});
  const int number = fd.number();
  {
    Source source = Source::file(std::move(fd));
    EXPECT_TRUE(source.owned());
    const Source moved = std::move(source);
    EXPECT_EQ(moved.fd().number(), number);
  }
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
  OwnedFd lent = file_with({});
  {
    const Source source = Source::file(lent.ref());
  }
  EXPECT_GE(::fcntl(lent.number(), F_GETFD), 0);
}

TEST_F(Endpoint, a_descriptor_is_looked_at) {
  const Pair pipe = make_pipe_pair();
  const Pair socket = make_unix_pair();
  const OwnedFd file = file_with({});
  const OwnedFd zero = opened("/dev/zero", O_RDONLY);
  const std::array<std::pair<FdRef, Kind>, 4> kinds{
      std::pair{file.ref(), Kind::file}, std::pair{pipe.from.ref(), Kind::pipe},
      std::pair{socket.from.ref(), Kind::socket}, std::pair{zero.ref(), Kind::device}};
  for (const auto& [fd, kind] : kinds) {
    const auto source = Source::descriptor(fd, 5);
    ASSERT_TRUE(source);
    EXPECT_EQ(source->kind(), kind);
    EXPECT_EQ(source->length(), 5u);
    const auto sink = Sink::descriptor(fd);
    ASSERT_TRUE(sink);
    EXPECT_EQ(sink->kind(), kind);
  }
  EXPECT_EQ(Source::descriptor(file.ref())->offset(), at_cursor);
  EXPECT_EQ(Sink::descriptor(file.ref())->offset(), at_cursor);
}

TEST_F(Endpoint, what_carries_no_stream_is_refused) {
  const OwnedFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  ASSERT_EQ(::bind(listener.number(), reinterpret_cast<sockaddr*>(&address), 2), 0);
  ASSERT_EQ(::listen(listener.number(), 1), 0);
  const OwnedFd datagram(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const OwnedFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  for (const FdRef fd : {listener.ref(), datagram.ref(), epoll.ref()}) {
    const auto source = Source::descriptor(fd);
    ASSERT_FALSE(source);
    EXPECT_TRUE(source.error().is(Errc::unsupported_kind));
    EXPECT_FALSE(Sink::descriptor(fd));
  }
  const auto folder = Source::descriptor(opened("/tmp", O_RDONLY));
  ASSERT_FALSE(folder);
  EXPECT_TRUE(folder.error().is(Errc::is_directory));
  const auto nothing = Source::descriptor(FdRef());
  ASSERT_FALSE(nothing);
  EXPECT_TRUE(nothing.error().is(EBADF));
}

TEST_F(Endpoint, opening_a_source_names_the_path_in_its_errors) {
  const auto missing = Source::open(path_);
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is(ENOENT));
  EXPECT_EQ(missing.error().subject, path_);
  const auto folder = Source::open(folder_.path());
  ASSERT_FALSE(folder);
  EXPECT_TRUE(folder.error().is(Errc::is_directory));
  EXPECT_EQ(folder.error().subject, folder_.path());
}

TEST_F(Endpoint, opening_a_file_takes_its_range) {
  write_text(path_, "hello");
  const auto source = Source::open(path_, {1, 3});
  ASSERT_TRUE(source);
  EXPECT_TRUE(source->owned());
  EXPECT_EQ(source->offset(), 1u);
  EXPECT_EQ(source->length(), 3u);
}

TEST_F(Endpoint, a_fifo_has_no_offset_and_its_writer_is_not_waited_for) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const auto source = Source::open(path_);
  ASSERT_TRUE(source);
  EXPECT_EQ(source->kind(), Kind::pipe);
  EXPECT_TRUE(Sink::open(path_)) << "it has a reader now";
  const auto with_offset = Source::open(path_, {1, 3});
  ASSERT_FALSE(with_offset);
  EXPECT_TRUE(with_offset.error().is(ESPIPE));
}

TEST_F(Endpoint, a_sink_is_opened_as_its_mode_says) {
  const auto missing = Sink::open(path_, OpenMode::existing);
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is(ENOENT));
  EXPECT_EQ(missing.error().subject, path_);
  EXPECT_TRUE(Sink::open(path_, OpenMode::create));
  write_text(path_, "hello");
  const auto kept = Sink::open(path_, OpenMode::create, 3);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->offset(), 3u);
  EXPECT_EQ(text_of(path_), "hello");
  EXPECT_TRUE(Sink::open(path_, OpenMode::existing));
  EXPECT_EQ(text_of(path_), "hello");
  EXPECT_TRUE(Sink::open(path_, OpenMode::truncate));
  EXPECT_EQ(text_of(path_), "");
}

TEST_F(Endpoint, parts_have_the_sum_of_their_lengths) {
  const Source two = parts(std::string_view("abc"), Source::file(FdRef(9), {0, 10}));
  EXPECT_EQ(two.length(), 13u);
  EXPECT_EQ(two.parts().size(), 2u);
  EXPECT_EQ(parts(Source(), Source::pipe(FdRef(9))).length(), to_end);
  EXPECT_EQ(parts(Source::pipe(FdRef(9)), std::string_view("abc")).length(), to_end);
  EXPECT_EQ(make_parts({}).length(), 0u);
  EXPECT_TRUE(Source().parts().empty());
  Source moved = parts(std::string_view("abc"), std::string_view("d"));
  const Source taken = std::move(moved);
  EXPECT_TRUE(moved.parts().empty());  // NOLINT(bugprone-use-after-move): that is what it is about
  EXPECT_EQ(taken.parts().size(), 2u);
}

TEST_F(Endpoint, kinds_have_names) {
  EXPECT_EQ(name_of(Kind::file), "file");
  EXPECT_EQ(name_of(Kind::socket), "socket");
  EXPECT_EQ(name_of(Kind::pipe), "pipe");
  EXPECT_EQ(name_of(Kind::memory), "memory");
  EXPECT_EQ(name_of(Kind::device), "device");
}

}  // namespace
}  // namespace leat::testing
