// Goal: a Connection spares calls, remembers what refused, closes after its last transfer, and ends
// so that both sides know (pitfalls 12, 47, 52). Method: calls counted by the seam; peers of all
// sorts.

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/connection.h>
#include <leat/transfer.h>

#include "os/stream.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class ConnectionTest : public GuardedTest {
 protected:
  Context context_ = make_context({.sigpipe = Sigpipe::ignored_by_caller});
  Pair tcp_ = make_tcp_pair();
  OwnedFd file_ = pattern_file(1, 10'000);
  std::string_view text_ = "hello";

  Connection adopt(OwnedFd fd, ConnectionOptions options = {}) {
    auto connection = Connection::adopt(context_, std::move(fd), options);
    EXPECT_TRUE(connection) << connection.error().message();
    return std::move(*connection);
  }
  static bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }
  Source hello() { return text_; }
  /// Every call but the one by which a debug build looks if O_NONBLOCK is still set.
  static std::uint64_t calls(const ScopedFaults& faults) {
    std::uint64_t sum = 0;
    for (const auto& [call, count] : faults.all_seen()) sum += call == "fcntl" ? count - 1 : count;
    return sum;
  }
  /// "end", "reset" or "open".
  static std::string_view end_of(FdRef peer) {
    std::vector<std::byte> room(1 << 16);
    for (;;) {
      const auto got = os::recv(peer, room, false);
      if (!got) return got.error().is(EAGAIN) ? "open" : "reset";
      if (*got == 0) return "end";
    }
  }
};

TEST_F(ConnectionTest, adopting_what_was_reset_says_so) {
  reset_on_close(tcp_.from);
  tcp_.from.reset();
  wait_for(tcp_.to, 0);
  const auto reset = Connection::adopt(context_, std::move(tcp_.to));
  ASSERT_FALSE(reset);
  EXPECT_TRUE(reset.error().is(ECONNRESET)) << reset.error().message();
}

TEST_F(ConnectionTest, adopting_makes_it_non_blocking_and_borrowing_does_not) {
  set_blocking(tcp_.to, Blocking::yes);
  const std::string before = demeanour(tcp_.to);
  const auto lent = Connection::borrow(context_, tcp_.to);
  ASSERT_FALSE(lent);
  EXPECT_TRUE(lent.error().is(Errc::descriptor_blocks));
  EXPECT_EQ(demeanour(tcp_.to), before);
  const Connection connection = adopt(std::move(tcp_.to));
  EXPECT_NE(::fcntl(connection.fd().number(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(ConnectionTest, only_connected_streams_are_taken) {
  const auto file = Connection::borrow(context_, file_);
  ASSERT_FALSE(file);
  EXPECT_TRUE(file.error().is(ENOTSOCK));
  const auto alone =
      Connection::adopt(context_, OwnedFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  ASSERT_FALSE(alone);
  EXPECT_TRUE(alone.error().is(ENOTCONN));
  const auto datagram =
      Connection::adopt(context_, OwnedFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  ASSERT_FALSE(datagram);
  EXPECT_TRUE(datagram.error().is(Errc::unsupported_kind));
}

TEST_F(ConnectionTest, a_kept_one_makes_the_calls_that_a_hand_written_program_makes) {
  Connection connection = adopt(std::move(tcp_.to));
  transfer(context_, hello(), connection);
  transfer(context_, Source::file(file_.ref(), {0, 100}), connection);
  {
    const ScopedFaults faults;
    EXPECT_TRUE(transfer(context_, hello(), connection).ok());
    EXPECT_EQ(calls(faults), 1u);
    EXPECT_EQ(faults.seen("send"), 1u);
  }
  {
    const ScopedFaults faults;
    const Receipt receipt = transfer(context_, Source::file(file_.ref(), {10, 100}), connection);
    EXPECT_EQ(receipt.ending, Ending::complete);
    EXPECT_EQ(receipt.delivered, 100u);
    EXPECT_EQ(calls(faults), 1u);
    EXPECT_EQ(faults.seen("sendfile"), 1u);
  }
  {
    const ScopedFaults faults;
    Transfer transfer = Transfer::start(context_, hello(), connection);
    EXPECT_EQ(transfer.step().state, State::done);
    EXPECT_EQ(transfer.receipt().ending, Ending::complete);
    EXPECT_EQ(calls(faults), 1u);
  }
}

// One call that does not move everything must be carried on, not repeated.
// The way that only such memory has is not forgotten in what is planned once.
TEST_F(ConnectionTest, pages_that_are_never_reused_go_by_what_costs_least) {
  Costs costs;
  costs.add({CostSource::memory, CostSink::unix_socket, *Mechanism::named("read_write"), 1 << 20,
             2000, 2000});
  costs.add({CostSource::memory, CostSink::unix_socket, *Mechanism::named("vmsplice"), 1 << 20,
             1000, 1000});
  Context context = make_context({.costs = std::make_shared<const Costs>(std::move(costs))});
  Pair pair = make_unix_pair();
  Drainer drainer(std::move(pair.to), {.seed = 1});
  auto connection = Connection::adopt(context, std::move(pair.from));
  ASSERT_TRUE(connection);
  constexpr std::size_t length = 1 << 20;
  const auto sent_by = [&](Source source) {
    const Receipt receipt = transfer(context, std::move(source), *connection);
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
    return receipt.legs.size() == 1 ? receipt.legs[0].mechanism.name() : "several";
  };
  const Slice pages = pattern_slice(1, 0, length);
  const std::vector<std::byte> borrowed = pattern(1, length, length);
  const Slice more = pattern_slice(1, 2 * length, length);
  EXPECT_EQ(sent_by(pages), "vmsplice");
  EXPECT_EQ(sent_by(std::span<const std::byte>(borrowed)), "read_write");
  EXPECT_EQ(sent_by(more), "vmsplice");
  {
    const Connection ended = std::move(*connection);
  }
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), 3 * length);
}

TEST_F(ConnectionTest, one_call_that_falls_short_is_carried_on) {
  Connection connection = adopt(std::move(tcp_.to));
  const auto bytes = pattern(7, 0, 10'000);
  const OwnedFd file = pattern_file(7, 10'000);
  // The second time messages of this length are known to it.
  for (const auto& [from_file, again] :
       {std::pair{false, false}, std::pair{false, true}, std::pair{true, false}})
    for (const bool by_step : {false, true})
      for (const int error_number : {0, EINVAL, ENOSYS}) {
        if (!from_file && error_number) continue;  // there is no other way for memory
        const std::string_view call = from_file ? "sendfile" : "send";
        SCOPED_TRACE(std::string(call) + " " + std::to_string(error_number) +
                     (again ? " again" : ""));
        Source source = from_file ? Source::file(file.ref(), {0, 10'000})
                                  : Source(std::span<const std::byte>(bytes));
        Receipt receipt;
        {
          const ScopedFaults faults(
              {{.call = call, .times = error_number ? 0u : 1u, .shorten_to = 4000},
               {.call = call, .times = error_number ? always : 0u, .error_number = error_number}});
          if (by_step) {
            Transfer transfer = Transfer::start(context_, std::move(source), connection);
            EXPECT_EQ(drive(context_, transfer).trouble, "");
            receipt = transfer.receipt();
          } else {
            receipt = transfer(context_, std::move(source), connection);
          }
        }
        EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
        EXPECT_EQ(inconsistency(receipt), "") << describe(receipt);
        std::vector<std::byte> room(10'000);
        transfer(context_, Source::socket(tcp_.from.ref(), 10'000), Sink(std::span(room)));
        EXPECT_EQ(room, bytes);
      }
}

// A message that finds the socket full goes on as anything does, and arrives once.
TEST_F(ConnectionTest, a_message_that_finds_the_socket_full) {
  Connection connection = adopt(std::move(tcp_.to));
  ASSERT_TRUE(transfer(context_, hello(), connection).ok());
  const ScopedFaults faults({{.call = "send", .times = 1, .error_number = EAGAIN}});
  const Receipt receipt = transfer(context_, hello(), connection);
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  ASSERT_EQ(receipt.legs.size(), 1u) << describe(receipt);
  EXPECT_EQ(receipt.legs[0].calls, 2u);
  EXPECT_EQ(inconsistency(receipt), "") << describe(receipt);
  std::array<std::byte, 10> room;
  transfer(context_, Source::socket(tcp_.from.ref(), room.size()), Sink(std::span(room)));
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(room.data()), room.size()),
            "hellohello");
}

// The kernel tells a socket's error once: a second call would be told something else.
TEST_F(ConnectionTest, one_call_that_fails_is_the_last) {
  for (const auto& [from_file, again] :
       {std::pair{false, false}, std::pair{false, true}, std::pair{true, false}})
    for (const bool by_step : {false, true}) {
      SCOPED_TRACE(std::string(from_file ? "sendfile" : "send") + (by_step ? " by step" : "") +
                   (again ? " again" : ""));
      Pair tcp = make_tcp_pair();
      Connection connection = adopt(std::move(tcp.to));
      if (again) {
        ASSERT_TRUE(transfer(context_, hello(), connection).ok());
      }
      reset_on_close(tcp.from);
      tcp.from.reset();
      wait_for(connection.fd(), 0);
      Source source = from_file ? Source::file(file_.ref(), {0, 100}) : hello();
      const ScopedFaults faults;
      Receipt receipt;
      if (by_step) {
        Transfer transfer = Transfer::start(context_, std::move(source), connection);
        EXPECT_EQ(transfer.step().state, State::failed);
        receipt = transfer.receipt();
      } else {
        receipt = transfer(context_, std::move(source), connection);
      }
      ASSERT_TRUE(receipt.error) << describe(receipt);
      EXPECT_TRUE(receipt.error->is(ECONNRESET)) << describe(receipt);
      EXPECT_EQ(calls(faults), 1u);
    }
}

TEST_F(ConnectionTest, a_denied_call_is_not_tried_again_on_it) {
  for (const int denied : {EPERM, ENOSYS}) {
    Pair tcp = make_tcp_pair();
    Connection connection = adopt(std::move(tcp.to));
    {
      const ScopedFaults faults({{.call = "sendfile", .times = always, .error_number = denied}});
      const Receipt receipt = transfer(context_, Source::file(file_.ref(), {0, 100}), connection);
      EXPECT_TRUE(receipt.ok()) << describe(receipt);
      ASSERT_EQ(receipt.refusals.size(), 1u);
      EXPECT_EQ(receipt.refusals[0].error_number, denied);
    }
    for (const std::uint64_t length : {std::uint64_t{100}, to_end}) {
      const ScopedFaults faults;
      const Receipt receipt =
          transfer(context_, Source::file(file_.ref(), {0, length}), connection);
      EXPECT_TRUE(receipt.ok());
      EXPECT_EQ(faults.seen("sendfile"), 0u);
      EXPECT_TRUE(receipt.refusals.empty());
    }
  }
}

TEST_F(ConnectionTest, a_refusal_that_is_the_files_does_not_close_the_way) {
  Connection connection = adopt(std::move(tcp_.to));
  {
    const ScopedFaults faults({{.call = "sendfile", .times = always, .error_number = EINVAL}});
    EXPECT_TRUE(transfer(context_, Source::file(file_.ref(), {0, 100}), connection).ok());
  }
  const ScopedFaults faults;
  EXPECT_TRUE(transfer(context_, Source::file(file_.ref(), {0, 100}), connection).ok());
  EXPECT_EQ(faults.seen("sendfile"), 1u);
}

// What the short way of one call was refused is in the receipt, and not asked for again.
TEST_F(ConnectionTest, a_refusal_of_the_only_call_is_told) {
  Connection connection = adopt(std::move(tcp_.to));
  const ScopedFaults faults({{.call = "sendfile", .error_number = EINVAL}});
  const Receipt receipt = transfer(context_, Source::file(file_.ref(), {0, 100}), connection);
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_EQ(faults.seen("sendfile"), 1u);
  ASSERT_EQ(receipt.refusals.size(), 1u) << describe(receipt);
  EXPECT_EQ(receipt.refusals[0].mechanism.name(), "sendfile");
  EXPECT_EQ(receipt.refusals[0].error_number, EINVAL);
  EXPECT_EQ(receipt.refusals[0].at, 0u);
}

// Loans and verdicts belong to the context of the connection: the function without a context uses
// that one, and in another nothing is lent.
TEST_F(ConnectionTest, lends_in_its_own_context_only) {
  Connection connection = adopt(std::move(tcp_.to));
  const Options forced{.mechanism = *Mechanism::named("zerocopy_send")};
  const auto slice = [] { return std::move(*Buffer::pages(5000)).freeze(); };
  Receipt receipt = transfer(slice(), connection, forced);
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_TRUE(connection.settle(receipt, std::nullopt));
  EXPECT_EQ(receipt.legs[0].known_by, KnownBy::kernel) << describe(receipt);
  EXPECT_EQ(context_.counters().lent_bytes, 0u);

  Context other = make_context();
  const Receipt elsewhere = transfer(other, slice(), connection, forced);
  ASSERT_TRUE(elsewhere.error);
  EXPECT_TRUE(elsewhere.error->is(Errc::does_not_fit)) << describe(elsewhere);
}

TEST_F(ConnectionTest, closes_now_if_nothing_uses_it) {
  Connection connection = adopt(std::move(tcp_.to));
  const int number = connection.fd().number();
  connection.close();
  EXPECT_FALSE(is_open(number));
}

// 52: the number would be reused, and the other direction write into a stranger's socket.
TEST_F(ConnectionTest, closes_after_the_last_transfer_in_either_direction) {
  for (const bool at_end : {true, false}) {
    Pair tcp = make_tcp_pair();
    Connection connection = adopt(std::move(tcp.to));
    const int number = connection.fd().number();
    std::array<std::byte, 100> room{};
    std::optional<Transfer> reading =
        Transfer::start(context_, Source(connection), Sink(std::span(room)));
    EXPECT_EQ(reading->step().state, State::blocked);
    if (at_end) {
      EXPECT_TRUE(transfer(context_, hello(), connection, {.at_end = AtEnd::close}).ok());
    } else {
      connection.close();
    }
    EXPECT_TRUE(is_open(number));
    ASSERT_TRUE(os::send(tcp.from, std::as_bytes(std::span(text_)), {}));
    wait_for(FdRef(number), POLLIN);
    EXPECT_EQ(reading->step().delivered, 5u) << "it still reads";
    reading.reset();
    EXPECT_FALSE(is_open(number));
  }
}

TEST_F(ConnectionTest, once_closed_it_is_nobody_elses_under_its_number) {
  Connection connection = adopt(std::move(tcp_.to));
  std::vector<Sink> sinks;
  for (int i = 0; i < 3; ++i) sinks.emplace_back(connection);
  Source source(connection, text_.size());
  const int number = connection.fd().number();
  connection.close();
  Pair stranger = make_tcp_pair();
  const OwnedFd reused(::fcntl(stranger.to.number(), F_DUPFD_CLOEXEC, number));
  ASSERT_EQ(reused.number(), number);
  ASSERT_TRUE(os::send(stranger.from, std::as_bytes(std::span(text_)), {}));
  wait_for(stranger.to, POLLIN);

  std::array<std::byte, 10> room{};
  Transfer stepped = Transfer::start(context_, hello(), std::move(sinks[0]));
  stepped.step();
  for (const Receipt& receipt :
       {stepped.receipt(), transfer(context_, hello(), std::move(sinks[1])),
        transfer(context_, hello(), std::move(sinks[2]), {.measure = true}),
        transfer(context_, std::move(source), Sink(std::span(room)))}) {
    EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    EXPECT_EQ(receipt.delivered, 0u);
    ASSERT_TRUE(receipt.error);
    EXPECT_TRUE(receipt.error->is(EBADF)) << describe(receipt);
  }
  EXPECT_EQ(os::recv(stranger.to, room, false), 5u) << "what came for the stranger is there";
  ASSERT_TRUE(os::send(stranger.to, std::as_bytes(std::span(std::string_view("mine"))), {}));
  wait_for(stranger.from, POLLIN);
  EXPECT_EQ(os::recv(stranger.from, room, false), 4u) << "and only what he said came from him";
}

TEST_F(ConnectionTest, both_directions_share_it) {
  Connection connection = adopt(std::move(tcp_.to));
  ASSERT_TRUE(os::send(tcp_.from, std::as_bytes(std::span(text_)), {}));
  wait_for(connection.fd(), POLLIN);
  const Receipt echo = transfer(context_, Source(connection, 5), connection);
  EXPECT_EQ(echo.delivered, 5u) << describe(echo);
  std::array<std::byte, 5> room{};
  EXPECT_TRUE(transfer(context_, Source::socket(tcp_.from.ref(), 5), Sink(std::span(room))).ok());
}

TEST_F(ConnectionTest, a_cut_off_stream_is_reset_if_that_was_asked_for) {
  for (const bool asked : {true, false}) {
    Pair tcp = make_tcp_pair();
    {
      Connection connection = adopt(std::move(tcp.to), {.reset_unless_ended = asked});
      EXPECT_TRUE(transfer(context_, hello(), connection).ok());
    }
    wait_for(tcp.from, POLLIN | POLLRDHUP);
    wait_for(tcp.from, POLLRDHUP);
    EXPECT_EQ(end_of(tcp.from), asked ? "reset" : "end");
  }
}

TEST_F(ConnectionTest, an_orderly_end_is_no_reset) {
  for (const AtEnd at_end : {AtEnd::shutdown_write, AtEnd::close}) {
    Pair tcp = make_tcp_pair();
    {
      Connection connection = adopt(std::move(tcp.to), {.reset_unless_ended = true});
      EXPECT_TRUE(transfer(context_, hello(), connection, {.at_end = at_end}).ok());
    }
    wait_for(tcp.from, POLLRDHUP);
    EXPECT_EQ(end_of(tcp.from), "end");
  }
}

TEST_F(ConnectionTest, ending_is_acknowledged_when_the_peer_has_all_and_closes) {
  for (const bool local : {false, true}) {
    Pair pair = local ? make_unix_pair() : make_tcp_pair();
    set_blocking(pair.from, Blocking::yes);
    Connection connection = adopt(std::move(pair.to), {.reset_unless_ended = true});
    EXPECT_TRUE(transfer(context_, Source::file(file_.ref()), connection).ok());
    Drainer drainer(std::move(pair.from), {.seed = 1});
    const auto farewell = connection.end(std::nullopt);
    ASSERT_TRUE(farewell) << farewell.error().message();
    EXPECT_TRUE(farewell->closed);
    EXPECT_TRUE(farewell->acknowledged);
    EXPECT_EQ(farewell->discarded, 0u);
    EXPECT_EQ(drainer.finish().check.count(), 10'000u);
    EXPECT_EQ(drainer.finish().error_number, 0);
  }
}

TEST_F(ConnectionTest, ending_throws_away_what_the_peer_still_sends) {
  Connection connection = adopt(std::move(tcp_.to));
  const Feeder feeder(std::move(tcp_.from), 1, 0, 1'000'000);
  const auto farewell = connection.end(std::nullopt);
  ASSERT_TRUE(farewell) << farewell.error().message();
  EXPECT_TRUE(farewell->closed);
  EXPECT_EQ(farewell->discarded, 1'000'000u);
}

// 47: it closes without having read, which looks like success to the sender.
TEST_F(ConnectionTest, a_peer_that_closes_unread_is_an_error) {
  Connection connection = adopt(std::move(tcp_.to));
  EXPECT_TRUE(transfer(context_, hello(), connection).ok());
  wait_for(tcp_.from, POLLIN);
  tcp_.from.reset();
  const auto farewell = connection.end(std::nullopt);
  ASSERT_FALSE(farewell);
  EXPECT_TRUE(farewell.error().is(ECONNRESET) || farewell.error().is(EPIPE))
      << farewell.error().message();
  EXPECT_FALSE(farewell.error().hint.empty());
}

/// At work in both directions, both of them silent, when the peer resets it. The parameter is how
/// that is noticed first.
class Broken : public ConnectionTest, public ::testing::WithParamInterface<std::string_view> {
 protected:
  Pair in_ = make_unix_pair();
  Pair out_ = make_unix_pair();
  Connection connection_ = adopt(std::move(tcp_.to));
  Transfer up_ = Transfer::start(context_, Source::socket(in_.from.ref()), connection_);
  Transfer down_ = Transfer::start(context_, Source(connection_), Sink::socket(out_.to.ref()),
                                   {.at_end = AtEnd::shutdown_write});

  Broken() {
    EXPECT_EQ(up_.step().state, State::blocked);
    EXPECT_EQ(down_.step().state, State::blocked);
    reset_on_close(tcp_.from);
    tcp_.from.reset();
    wait_for(connection_.fd(), 0);
    if (GetParam() == "send") {
      EXPECT_TRUE(os::send(in_.to, std::as_bytes(std::span(text_)), {}));
    }
    if (GetParam() == "one_call") {
      EXPECT_EQ(transfer(context_, hello(), connection_).ending, Ending::failed);
    } else {
      EXPECT_EQ((GetParam() == "recv" ? down_ : up_).step().state, State::failed);
    }
  }
};

TEST_P(Broken, is_no_end_of_what_comes) {
  EXPECT_EQ(down_.step().state, State::failed);
  const Receipt receipt = down_.receipt();
  ASSERT_TRUE(receipt.error) << describe(receipt);
  EXPECT_TRUE(receipt.error->is(ECONNRESET)) << describe(receipt);
  EXPECT_EQ(receipt.error->subject, "source");
  EXPECT_EQ(end_of(out_.from), "open") << "cut off, and not passed on as if it were whole";
}

TEST_P(Broken, is_no_end_of_what_goes) {
  EXPECT_EQ(up_.step().state, State::failed);
  const Receipt receipt = up_.receipt();
  ASSERT_TRUE(receipt.error) << describe(receipt);
  EXPECT_TRUE(receipt.error->is(ECONNRESET) || receipt.error->is(EPIPE)) << describe(receipt);
  EXPECT_EQ(receipt.error->subject, "sink");
}

TEST_P(Broken, has_no_orderly_end) {
  const auto farewell = connection_.end(std::nullopt);
  ASSERT_FALSE(farewell) << (farewell->acknowledged ? "acknowledged" : "by the deadline");
  EXPECT_TRUE(farewell.error().is(ECONNRESET) || farewell.error().is(EPIPE))
      << farewell.error().message();
  EXPECT_FALSE(farewell.error().hint.empty());
}

INSTANTIATE_TEST_SUITE_P(noticed_by, Broken, ::testing::Values("poll", "send", "one_call", "recv"),
                         [](const auto& each) { return std::string(each.param); });

// What was under way will never be acknowledged, and nothing is left to wait for.
TEST_F(ConnectionTest, a_stream_that_broke_half_way_is_not_waited_for) {
  Connection connection = adopt(std::move(tcp_.to));
  const std::vector<std::byte> much(16 << 20);
  Transfer transfer = Transfer::start(context_, std::span<const std::byte>(much), connection);
  while (transfer.step().state == State::progress) {
  }
  ASSERT_EQ(transfer.receipt().ending, Ending::unfinished);
  reset_on_close(tcp_.from);
  tcp_.from.reset();
  wait_for(connection.fd(), 0);
  EXPECT_EQ(transfer.step().state, State::failed);
  const auto farewell = connection.end(std::nullopt);
  ASSERT_FALSE(farewell);
  EXPECT_TRUE(farewell.error().is(ECONNRESET)) << farewell.error().message();
}

// Its own end came before: then the kernel's word for the reset is EPIPE.
TEST_F(ConnectionTest, a_peer_that_left_before_the_last_bytes_has_not_acknowledged_them) {
  Connection connection = adopt(std::move(tcp_.to));
  tcp_.from.reset();
  wait_for(connection.fd(), POLLRDHUP);
  EXPECT_TRUE(transfer(context_, hello(), connection).ok()) << "nobody can know yet";
  wait_for(connection.fd(), 0);
  const Receipt receipt = transfer(context_, hello(), connection);
  ASSERT_TRUE(receipt.error) << describe(receipt);
  EXPECT_TRUE(receipt.error->is(EPIPE)) << describe(receipt);
  EXPECT_FALSE(connection.end(std::nullopt));
}

TEST_F(ConnectionTest, a_silent_peer_is_waited_for_until_the_deadline) {
  Connection connection = adopt(std::move(tcp_.to));
  EXPECT_TRUE(transfer(context_, hello(), connection).ok());
  const auto deadline = steady_clock::now() + milliseconds(20);
  const auto farewell = connection.end(deadline);
  ASSERT_TRUE(farewell) << "running out of time is no error";
  EXPECT_GE(steady_clock::now(), deadline);
  EXPECT_FALSE(farewell->closed);
  EXPECT_FALSE(farewell->acknowledged);
}

TEST_F(ConnectionTest, a_stop_ends_the_waiting) {
  Connection connection = adopt(std::move(tcp_.to));
  std::stop_source stop;
  const std::jthread other([&, peer = tcp_.from.ref()] {
    wait_for(peer, POLLRDHUP);  // the end of our stream: it is waiting, or is about to
    stop.request_stop();
  });
  const auto farewell = connection.end(std::nullopt, stop.get_token());
  ASSERT_TRUE(farewell);
  EXPECT_FALSE(farewell->closed);
}

}  // namespace
}  // namespace leat::testing
