// Goal: what happens to the sink at the end happens then and only then. Method: the peer looks at
// how its stream ends; durability through the seam.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "os/socket.h"
#include "os/stream.h"
#include "os/wait.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class EndingTest : public GuardedTest {
 protected:
  Context context_ = make_context();
  Pair tcp_ = make_tcp_pair();
  std::string_view text_ = "hello";

  /// How the stream of `peer` goes on: its bytes, then "end", "reset" or "open".
  static std::string stream_of(FdRef peer) {
    std::string text;
    std::byte byte{};
    for (;;) {
      const auto got = os::recv(peer, {&byte, 1}, false);
      if (!got && got.error().is(EAGAIN)) return text + " open";
      if (!got) return text + " " + std::string(got.error().is(ECONNRESET) ? "reset" : "error");
      if (*got == 0) return text + " end";
      text += static_cast<char>(byte);
    }
  }
  static bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }
};

TEST_F(EndingTest, an_owned_connection_ends_in_an_orderly_way) {
  const int number = tcp_.to.number();
  EXPECT_TRUE(transfer(context_, Source(text_), Sink::socket(std::move(tcp_.to))).ok());
  EXPECT_FALSE(is_open(number));
  wait_for(tcp_.from, POLLIN);
  EXPECT_EQ(stream_of(tcp_.from), "hello end");
}

TEST_F(EndingTest, an_owned_connection_that_is_cut_off_is_reset) {
  for (const bool cancelled : {true, false}) {
    Pair tcp = make_tcp_pair();
    {
      const Pair silent = make_unix_pair();
      Transfer transfer =
          Transfer::start(context_, parts(text_, Source::socket(silent.from.ref())),
                          Sink::socket(std::move(tcp.to)), {.at_end = AtEnd::shutdown_write});
      EXPECT_EQ(transfer.step().delivered, 5u);
      if (cancelled) {
        transfer.cancel();
        EXPECT_EQ(transfer.step().state, State::stopped);
      }
    }
    wait_for(tcp.from, 0);
    EXPECT_TRUE(stream_of(tcp.from).ends_with("reset")) << "never a whole stream";
  }
}

TEST_F(EndingTest, a_borrowed_connection_is_left_as_it_is) {
  const std::string before = demeanour(tcp_.to);
  EXPECT_TRUE(transfer(context_, Source(text_), Sink::socket(tcp_.to.ref())).ok());
  EXPECT_EQ(demeanour(tcp_.to), before);
  wait_for(tcp_.from, POLLIN);
  EXPECT_EQ(stream_of(tcp_.from), "hello open");
}

TEST_F(EndingTest, shutdown_is_the_end_of_the_stream_and_no_close) {
  EXPECT_TRUE(transfer(context_, Source(text_), Sink::socket(tcp_.to.ref()),
                       {.at_end = AtEnd::shutdown_write})
                  .ok());
  wait_for(tcp_.from, POLLIN);
  wait_for(tcp_.from, POLLRDHUP);
  EXPECT_EQ(stream_of(tcp_.from), "hello end");
  EXPECT_TRUE(os::send(tcp_.from, std::as_bytes(std::span(text_)), {})) << "the other way is open";
}

TEST_F(EndingTest, what_is_lent_is_not_closed_and_nothing_is_moved) {
  const Receipt receipt =
      transfer(context_, Source(text_), Sink::socket(tcp_.to.ref()), {.at_end = AtEnd::close});
  EXPECT_EQ(receipt.ending, Ending::failed);
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(Errc::not_owned));
  EXPECT_EQ(stream_of(tcp_.from), " open");
}

TEST_F(EndingTest, a_lent_socket_is_not_closed_as_a_connection_either) {
  auto connection = Connection::borrow(context_, tcp_.to);
  ASSERT_TRUE(connection);
  const Receipt receipt = transfer(context_, Source(text_), *connection, {.at_end = AtEnd::close});
  EXPECT_EQ(receipt.ending, Ending::failed);
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(Errc::not_owned)) << describe(receipt);
  EXPECT_EQ(receipt.delivered, 0u);
  EXPECT_TRUE(is_open(tcp_.to.number()));
  EXPECT_EQ(stream_of(tcp_.from), " open");
}

TEST_F(EndingTest, closing_does_not_wait_for_the_transfer_to_go) {
  Pair pipe = make_pipe_pair();
  const int socket_number = tcp_.to.number();
  const int pipe_number = pipe.to.number();
  Transfer to_socket = Transfer::start(context_, Source(text_), Sink::socket(std::move(tcp_.to)),
                                       {.at_end = AtEnd::close});
  Transfer to_pipe = Transfer::start(context_, Source(text_), Sink::pipe(std::move(pipe.to)),
                                     {.at_end = AtEnd::close});
  EXPECT_EQ(drive(context_, to_socket).last.state, State::done);
  EXPECT_EQ(drive(context_, to_pipe).last.state, State::done);
  EXPECT_FALSE(is_open(socket_number));
  EXPECT_FALSE(is_open(pipe_number));
}

TEST_F(EndingTest, a_failed_transfer_ends_nothing) {
  const OwnedFd file = pattern_file(1, 100);
  const Receipt receipt = transfer(context_, Source::file(file.ref(), {0, 200}),
                                   Sink::socket(tcp_.to.ref()), {.at_end = AtEnd::shutdown_write});
  EXPECT_EQ(receipt.ending, Ending::source_shrank);
  wait_for(tcp_.from, POLLIN);
  EXPECT_TRUE(stream_of(tcp_.from).ends_with("open"));
}

TEST_F(EndingTest, durability_is_reached_before_done) {
  struct Row {
    Durability durability;
    std::uint64_t fdatasyncs;
    std::uint64_t fsyncs;
  };
  for (const Row& row :
       {Row{Durability::none, 0, 0}, Row{Durability::data, 1, 0}, Row{Durability::full, 0, 1}}) {
    const OwnedFd sink = file_with({});
    const ScopedFaults faults;
    EXPECT_TRUE(
        transfer(context_, Source(text_), Sink::file(sink.ref()), {.durability = row.durability})
            .ok());
    EXPECT_EQ(faults.seen("fdatasync"), row.fdatasyncs);
    EXPECT_EQ(faults.seen("fsync"), row.fsyncs);
  }
}

TEST_F(EndingTest, bytes_that_did_not_reach_the_disk_are_a_failure) {
  const OwnedFd sink = file_with({});
  const ScopedFaults faults({{.call = "fsync", .error_number = EIO}});
  const Receipt receipt =
      transfer(context_, Source(text_), Sink::file(sink.ref()), {.durability = Durability::full});
  EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(EIO));
  EXPECT_EQ(receipt.error->operation, "fsync");
}

TEST_F(EndingTest, a_full_memory_sink_is_complete) {
  std::array<std::byte, 3> room{};
  const Receipt receipt = transfer(context_, Source(text_), Sink(std::span(room)));
  EXPECT_EQ(receipt.ending, Ending::complete);
  EXPECT_EQ(receipt.delivered, 3u);
  EXPECT_EQ(transfer(context_, Source(text_), Sink()).ending, Ending::complete);
}

TEST_F(EndingTest, names) {
  EXPECT_EQ(name_of(Ending::unfinished), "unfinished");
  EXPECT_EQ(name_of(Ending::complete), "complete");
  EXPECT_EQ(name_of(Ending::end_of_source), "end_of_source");
  EXPECT_EQ(name_of(Ending::source_shrank), "source_shrank");
  EXPECT_EQ(name_of(Ending::deadline), "deadline");
  EXPECT_EQ(name_of(Ending::cancelled), "cancelled");
  EXPECT_EQ(name_of(Ending::failed), "failed");
  EXPECT_EQ(name_of(KnownBy::construction), "construction");
  EXPECT_EQ(name_of(KnownBy::kernel), "kernel");
  EXPECT_EQ(name_of(KnownBy::pending), "pending");
  EXPECT_EQ(name_of(KnownBy::unknown), "unknown");
}

}  // namespace
}  // namespace leat::testing
