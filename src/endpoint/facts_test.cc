// Goal: the facts are what the kernel says, and nothing is asked that need not be known.

#include "endpoint/facts.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class Facts : public GuardedTest {
 protected:
  static SourceFacts of(const Source& source, bool trust_length = false) {
    const auto facts = facts_of(source, trust_length);
    EXPECT_TRUE(facts) << facts.error().message();
    return facts.value_or(SourceFacts());
  }
  static SinkFacts of(const Sink& sink) {
    const auto facts = facts_of(sink);
    EXPECT_TRUE(facts) << facts.error().message();
    return facts.value_or(SinkFacts());
  }
  static OwnedFd opened(const char* path, int flags = O_RDONLY) {
    return OwnedFd(::open(path, flags | O_CLOEXEC));
  }
};

TEST_F(Facts, memory_needs_no_call) {
  const ScopedFaults faults;
  const SourceFacts facts = of(Source(std::string_view("hello")));
  EXPECT_EQ(facts.kind, Kind::memory);
  EXPECT_EQ(facts.promised, 5u);
  EXPECT_TRUE(facts.repeatable());
  of(Sink());
  EXPECT_TRUE(faults.all_seen().empty());
}

TEST_F(Facts, a_trusted_length_of_a_file_needs_no_call) {
  const OwnedFd file = pattern_file(1, 100);
  const ScopedFaults faults;
  const SourceFacts facts = of(Source::file(file.ref(), {10, 20}), true);
  EXPECT_EQ(facts.promised, 20u);
  EXPECT_TRUE(faults.all_seen().empty());
  of(Source::file(file.ref(), {10, 20}), false);
  EXPECT_FALSE(faults.all_seen().empty());
}

TEST_F(Facts, what_is_cached_is_not_asked_twice) {
  const OwnedFd file = pattern_file(1, worth_asking_if_cached);
  const Source source = Source::file(file.ref(), {0, worth_asking_if_cached});
  const auto asked = facts_of(source, true);
  const auto told = facts_of(source, true, Disk::may_wait, Cached::little);
  ASSERT_TRUE(asked && told);
  EXPECT_NE(asked->cached, Cached::little) << "it was just written";
  EXPECT_EQ(told->cached, Cached::little);
}

// Whether its length is given, or trusted, does not matter.
TEST_F(Facts, what_is_cached_is_asked_of_each_long_stretch) {
  const OwnedFd file = pattern_file(1, worth_asking_if_cached);
  const Source stretch = Source::file(file.ref(), {0, worth_asking_if_cached});
  const Source whole = Source::file(file.ref());
  const Cached shown = of(whole, false).cached;
  EXPECT_NE(shown, Cached::little) << "it was just written";
  EXPECT_EQ(of(stretch, false).cached, shown);
  EXPECT_EQ(of(stretch, true).cached, shown);
  const Source shorter = Source::file(file.ref(), {0, worth_asking_if_cached - 1});
  EXPECT_EQ(of(shorter, false).cached, Cached::unknown);
}

TEST_F(Facts, a_file_promises_its_size) {
  const OwnedFd file = pattern_file(1, 5000);
  SourceFacts facts = of(Source::file(file.ref(), {1000, to_end}), true);
  EXPECT_TRUE(facts.regular && facts.true_size && !facts.cursor && !facts.sparse);
  EXPECT_EQ(facts.promised, 4000u);
  EXPECT_TRUE(facts.repeatable());
  facts = of(Source::file(file.ref(), {6000, to_end}));
  EXPECT_EQ(facts.promised, 0u) << "it begins behind the end";
}

TEST_F(Facts, a_file_read_at_its_cursor_promises_what_is_behind_it) {
  const OwnedFd file = pattern_file(1, 5000);
  ASSERT_EQ(::lseek(file.number(), 1234, SEEK_SET), 1234);
  const SourceFacts facts = of(Source::file(file.ref(), {at_cursor, to_end}));
  EXPECT_TRUE(facts.cursor);
  EXPECT_EQ(facts.promised, 5000u - 1234u);
  EXPECT_FALSE(facts.repeatable()) << "what was taken from there is taken";
  EXPECT_EQ(cursor_of(file), 1234);
}

TEST_F(Facts, sparse_files_are_told_from_full_ones) {
  const Extent extent{1 << 20, 4096};
  EXPECT_TRUE(of(Source::file(sparse_file(1, 2 << 20, {&extent, 1}))).sparse);
  EXPECT_FALSE(of(Source::file(pattern_file(1, 2 << 20))).sparse);
}

// st_size is 0 or a page there, whatever read(2) finds.
TEST_F(Facts, sizes_that_lie_are_not_promised) {
  for (const char* path : {"/proc/self/status", "/sys/kernel/mm/transparent_hugepage/enabled"}) {
    SCOPED_TRACE(path);
    const SourceFacts facts = of(Source::file(opened(path)));
    EXPECT_FALSE(facts.true_size);
    EXPECT_EQ(facts.promised, to_end);
    EXPECT_FALSE(facts.sparse) << "the size is no size, so what is missing is no hole";
  }
  const SourceFacts empty = of(Source::file(file_with({})));
  EXPECT_TRUE(empty.true_size) << "elsewhere 0 is what it says";
  EXPECT_EQ(empty.promised, 0u);
}

TEST_F(Facts, a_given_length_is_the_promise) {
  EXPECT_EQ(of(Source::file(pattern_file(1, 100), {0, 5000})).promised, 5000u);
  EXPECT_EQ(of(Source::pipe(make_pipe_pair().from, 7)).promised, 7u);
  EXPECT_EQ(of(Source::pipe(make_pipe_pair().from)).promised, to_end);
}

TEST_F(Facts, who_would_wait_and_how_it_can_be_kept_from_it) {
  for (const Blocking blocking : {Blocking::no, Blocking::yes}) {
    const bool blocks = blocking == Blocking::yes;
    const Pair pipe = make_pipe_pair(blocking);
    const Pair socket = make_unix_pair(blocking);
    EXPECT_EQ(of(Source::pipe(pipe.from.ref())).waiting, blocks ? Waiting::polled : Waiting::never);
    EXPECT_EQ(of(Sink::pipe(pipe.to.ref())).waiting, blocks ? Waiting::polled : Waiting::never);
    EXPECT_EQ(of(Source::socket(socket.from.ref())).waiting,
              blocks ? Waiting::flagged : Waiting::never);
    EXPECT_EQ(of(Sink::socket(socket.to.ref())).waiting,
              blocks ? Waiting::flagged : Waiting::never);
  }
  EXPECT_EQ(of(Source::file(file_with({}))).waiting, Waiting::never);
}

TEST_F(Facts, streams_cannot_be_read_again) {
  EXPECT_FALSE(of(Source::pipe(make_pipe_pair().from)).repeatable());
  EXPECT_FALSE(of(Source::socket(make_unix_pair().from)).repeatable());
}

TEST_F(Facts, of_a_tcp_sink) {
  const Pair tcp = make_tcp_pair();
  SinkFacts facts = of(Sink::socket(tcp.to.ref()));
  EXPECT_TRUE(facts.tcp && !facts.nodelay && !facts.is_connection && !facts.owned);
  const int on = 1;
  ASSERT_EQ(::setsockopt(tcp.to.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  EXPECT_TRUE(of(Sink::socket(tcp.to.ref())).nodelay);
  EXPECT_FALSE(of(Sink::socket(make_unix_pair().to)).tcp);
}

TEST_F(Facts, of_a_file_sink) {
  const OwnedFd file = pattern_file(1, 100);
  SinkFacts facts = of(Sink::file(file.ref(), 100));
  EXPECT_TRUE(facts.regular && !facts.append && !facts.cursor && facts.keeps_holes);
  EXPECT_FALSE(of(Sink::file(file.ref(), 99)).keeps_holes) << "something is there already";
  EXPECT_FALSE(of(Sink::file(file.ref(), at_cursor)).keeps_holes);
  const Folder folder;
  const OwnedFd log(
      ::open(folder.file("log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  facts = of(Sink::file(log.ref()));
  EXPECT_TRUE(facts.append);
  EXPECT_FALSE(facts.keeps_holes);
}

TEST_F(Facts, where_files_lie) {
  const OwnedFd file = pattern_file(1, 10'000);
  const OwnedFd memory(::memfd_create("leat-test", MFD_CLOEXEC));
  const SourceFacts source = of(Source::file(file.ref(), {4096, to_end}));
  EXPECT_EQ(source.offset, 4096u);
  EXPECT_EQ(source.left, 10'000u - 4096u);
  EXPECT_EQ(source.size, 10'000u);
  EXPECT_GT(source.volume.block_bytes, 0u);
  const SinkFacts beside = of(Sink::file(pattern_file(1, 300), 77));
  EXPECT_EQ(beside.offset, 77u);
  EXPECT_EQ(beside.size, 300u);
  EXPECT_TRUE(source.volume.may_be(beside.volume));
  EXPECT_FALSE(source.volume.may_be(of(Sink::file(memory.ref())).volume));
  const SourceFacts unasked = of(Source::file(file.ref(), {10, 20}), true);
  EXPECT_EQ(unasked.volume.block_bytes, 0u) << "a given length needs no call";
  EXPECT_EQ(unasked.offset, 10u);
  EXPECT_EQ(unasked.left, 20u);
}

TEST_F(Facts, a_filter_leaves_the_volume_unknown) {
  const OwnedFd file = pattern_file(1, 10'000);
  const ScopedFaults faults({{.call = "fstatfs", .times = always, .error_number = EPERM}});
  EXPECT_FALSE(of(Source::file(file.ref())).volume.shares_extents);
  EXPECT_FALSE(of(Sink::file(file.ref())).volume.shares_extents);
}

TEST_F(Facts, of_a_closed_descriptor_are_an_error) {
  const auto source = facts_of(Source::file(FdRef(-1)), false);
  ASSERT_FALSE(source);
  EXPECT_TRUE(source.error().is(EBADF));
  EXPECT_FALSE(facts_of(Source::pipe(FdRef(-1)), false));
  for (const Sink& sink : {Sink::file(FdRef(-1)), Sink::pipe(FdRef(-1)), Sink::socket(FdRef(-1))})
    EXPECT_FALSE(facts_of(sink)) << name_of(sink.kind());
}

TEST_F(Facts, only_a_blocking_pipe_gets_a_description_of_its_own) {
  const Pair pipe = make_pipe_pair(Blocking::yes);
  const auto own = own_description(Kind::pipe, Waiting::polled, pipe.from, true);
  ASSERT_TRUE(own);
  EXPECT_NE(::fcntl(own->number(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_FALSE(own_description(Kind::pipe, Waiting::never, pipe.from, true));
  EXPECT_FALSE(own_description(Kind::socket, Waiting::flagged, pipe.from, true));
  const ScopedFaults faults({{.call = "open", .error_number = EACCES}});
  EXPECT_FALSE(own_description(Kind::pipe, Waiting::polled, pipe.from, true));
}

}  // namespace
}  // namespace leat::testing
