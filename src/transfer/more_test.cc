// Goal: a header, a file and a trailer leave as few segments as they can, and nothing is held back
// that nobody will push (pitfalls 7, 53). Method: TCP's own counts of segments and of bytes that
// were not sent yet; no clock.

#include <linux/sockios.h>
#include <linux/tcp.h>  // netinet/tcp.h knows no tcpi_data_segs_out
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/transfer.h>

#include "os/socket.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class More : public GuardedTest {
 protected:
  static constexpr std::uint64_t seed = 3;
  Context context_ = make_context();
  Pair tcp_ = make_tcp_pair();
  std::vector<std::byte> header_ = pattern(seed, 0, 300);
  OwnedFd file_ = file_with(pattern(seed, 300, 1000));
  std::vector<std::byte> trailer_ = pattern(seed, 1300, 100);

  Source response() {
    return parts(std::span<const std::byte>(header_), Source::file(file_.ref(), {0, 1000}),
                 std::span<const std::byte>(trailer_));
  }
  void set_nodelay() {
    const int on = 1;
    ASSERT_EQ(::setsockopt(tcp_.to.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  }
  int not_sent() {
    int count = -1;
    EXPECT_EQ(::ioctl(tcp_.to.number(), SIOCOUTQNSD, &count), 0);
    return count;
  }
  /// Segments with data that have left.
  unsigned segments() {
    tcp_info info{};
    socklen_t size = sizeof info;
    EXPECT_EQ(::getsockopt(tcp_.to.number(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_data_segs_out;
  }
  /// Everything that was delivered arrives without another step.
  void expect_arrived(std::uint64_t count) {
    std::vector<std::byte> room(count);
    const Receipt receipt = transfer(Source::socket(tcp_.from.ref(), count), Sink(std::span(room)));
    EXPECT_EQ(receipt.delivered, count);
    EXPECT_EQ(room, pattern(seed, 0, count));
  }
};

TEST_F(More, a_response_over_a_borrowed_socket_is_one_segment) {
  const std::string before = demeanour(tcp_.to);
  Transfer transfer = Transfer::start(context_, response(), Sink::socket(tcp_.to.ref()));
  const Drive log = drive(context_, transfer);
  EXPECT_EQ(log.trouble, "");
  EXPECT_EQ(transfer.receipt().ending, Ending::complete) << describe(transfer.receipt());
  EXPECT_EQ(not_sent(), 0);
  // One step unless the machine is slow: a step that ends after its 2 ms holds nothing back.
  EXPECT_LE(segments(), log.steps) << describe(transfer.receipt());
  EXPECT_EQ(demeanour(tcp_.to), before);
  expect_arrived(1400);
}

TEST_F(More, a_response_over_a_connection_is_one_segment_although_sendfile_moves_the_file) {
  auto connection = Connection::borrow(context_, tcp_.to);
  ASSERT_TRUE(connection);
  const std::string before = demeanour(tcp_.to);
  Transfer transfer = Transfer::start(context_, response(), *connection);
  const Drive log = drive(context_, transfer);
  EXPECT_EQ(log.trouble, "");
  const Receipt receipt = transfer.receipt();
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  ASSERT_EQ(receipt.legs.size(), 2u);
  EXPECT_EQ(receipt.legs[1].mechanism.name(), "sendfile");
  EXPECT_EQ(not_sent(), 0);
  EXPECT_LE(segments(), log.steps);  // as above
  EXPECT_EQ(demeanour(tcp_.to), before) << "the cork is put back";
  expect_arrived(1400);
}

// The twin: this is what the parts spare.
TEST_F(More, three_transfers_are_more_segments) {
  set_nodelay();
  transfer(context_, Source(std::span<const std::byte>(header_)), Sink::socket(tcp_.to.ref()));
  transfer(context_, Source::file(file_.ref(), {0, 1000}), Sink::socket(tcp_.to.ref()));
  transfer(context_, Source(std::span<const std::byte>(trailer_)), Sink::socket(tcp_.to.ref()));
  EXPECT_EQ(segments(), 3u);
}

TEST_F(More, nothing_is_held_back_between_steps) {
  auto connection = Connection::borrow(context_, tcp_.to);
  ASSERT_TRUE(connection);
  for (const bool kept : {false, true}) {
    Transfer transfer = Transfer::start(context_, response(),
                                        kept ? Sink(*connection) : Sink::socket(tcp_.to.ref()));
    for (const std::uint64_t limit : {300, 1000, 100, 1}) {
      const Step step = transfer.step(limit);
      EXPECT_EQ(not_sent(), 0) << step.delivered << " delivered";
      EXPECT_FALSE(os::is_corked(tcp_.to));
    }
    EXPECT_EQ(transfer.receipt().ending, Ending::complete);
    expect_arrived(1400);
  }
}

// 53: more was promised, and then there was nothing.
TEST_F(More, a_part_that_turns_out_empty_holds_nothing_back) {
  Transfer transfer = Transfer::start(
      context_,
      parts(std::span<const std::byte>(header_), Source::file(file_.ref(), {0, 1000}), Source()),
      Sink::socket(tcp_.to.ref()));
  ASSERT_EQ(::ftruncate(file_.number(), 0), 0);
  const Step step = transfer.step();
  EXPECT_EQ(step.state, State::failed);
  EXPECT_EQ(transfer.receipt().ending, Ending::source_shrank);
  EXPECT_EQ(transfer.receipt().delivered, 300u);
  EXPECT_EQ(not_sent(), 0);
  expect_arrived(300);
}

TEST_F(More, empty_parts_are_no_more) {
  const OwnedFd empty = file_with({});
  for (const bool by_size : {true, false}) {
    Transfer transfer =
        Transfer::start(context_,
                        parts(std::span<const std::byte>(header_),
                              Source::file(empty.ref(), {0, by_size ? to_end : 0}), Source()),
                        Sink::socket(tcp_.to.ref()));
    EXPECT_EQ(drive(context_, transfer).last.state, State::done);
    EXPECT_TRUE(transfer.receipt().ok());
    EXPECT_EQ(not_sent(), 0);
  }
}

// The next part may never come: a stream says nothing until it sends.
TEST_F(More, a_silent_stream_holds_nothing_back) {
  const Pair pipe = make_pipe_pair();
  Transfer transfer = Transfer::start(
      context_, parts(std::span<const std::byte>(header_), Source::pipe(pipe.from.ref(), 10)),
      Sink::socket(tcp_.to.ref()));
  EXPECT_EQ(transfer.step().state, State::blocked);
  EXPECT_EQ(not_sent(), 0);
  expect_arrived(300);
}

TEST_F(More, under_a_rate_limit_nothing_is_announced) {
  set_nodelay();
  for (const std::uint64_t rate : {std::uint64_t{0}, std::uint64_t{1} << 40}) {
    const unsigned before = segments();
    const Options options{.mechanism = *Mechanism::named("read_write"), .rate_limit = rate};
    Transfer transfer = Transfer::start(
        context_, parts(std::span<const std::byte>(header_), Source::file(file_.ref(), {0, 1000})),
        Sink::socket(tcp_.to.ref()), options);
    EXPECT_EQ(drive(context_, transfer).last.state, State::done);
    EXPECT_EQ(segments() - before, rate == 0 ? 1u : 2u);
    expect_arrived(1300);
  }
}

TEST_F(More, memory_parts_in_a_row_are_one_call) {
  const ScopedFaults faults;
  const std::span<const std::byte> all = header_;
  const Receipt receipt =
      transfer(context_, parts(all.first(100), Source(), all.subspan(100, 50), all.subspan(150)),
               Sink::socket(tcp_.to.ref()));
  EXPECT_TRUE(receipt.ok());
  EXPECT_EQ(faults.seen("sendmsg"), 1u);
  EXPECT_EQ(faults.seen("send"), 0u);
  expect_arrived(300);
}

// 7, in both directions: many small pieces before and after a file share its segment, and the last
// of them is not held back.
TEST_F(More, chains_round_a_file_are_one_segment) {
  const auto pieces = [](const std::vector<std::byte>& bytes, std::size_t length) {
    Chain chain;
    for (std::size_t at = 0; at < bytes.size(); at += length)
      chain.append(
          Slice::borrow(std::span(bytes).subspan(at, std::min(length, bytes.size() - at))));
    return chain;
  };
  for (const bool kept : {false, true}) {
    auto connection = Connection::borrow(context_, tcp_.to);
    ASSERT_TRUE(connection);
    const unsigned before = segments();
    Transfer transfer = Transfer::start(
        context_,
        parts(pieces(header_, 7), Source::file(file_.ref(), {0, 1000}), pieces(trailer_, 3)),
        kept ? Sink(*connection) : Sink::socket(tcp_.to.ref()));
    EXPECT_EQ(drive(context_, transfer).last.state, State::done);
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(receipt.legs[0].mechanism.name(), "gather") << describe(receipt);
    EXPECT_EQ(receipt.legs[0].calls, 2u) << describe(receipt);
    EXPECT_EQ(not_sent(), 0);
    EXPECT_EQ(segments() - before, 1u) << describe(receipt);
    expect_arrived(1400);
  }
}

// A chain that needs several calls is one stream, not a segment for each call. Linux 6.1 cuts it
// once more than what one call sends.
TEST_F(More, a_long_chain_makes_hardly_more_segments_than_one_piece) {
  const auto bytes = pattern(seed, 0, 20'000);
  Chain chain;
  for (std::size_t at = 0; at < bytes.size(); at += 4)
    chain.append(Slice::borrow(std::span(bytes).subspan(at, 4)));
  const unsigned before = segments();
  const Receipt chained = transfer(context_, chain, Sink::socket(tcp_.to.ref()));
  EXPECT_EQ(chained.legs[0].calls, 5u) << describe(chained);
  EXPECT_EQ(not_sent(), 0);
  const unsigned between = segments();
  expect_arrived(20'000);
  transfer(context_, Source(std::span<const std::byte>(bytes)), Sink::socket(tcp_.to.ref()));
  EXPECT_LE(between - before, segments() - between + 1);
  expect_arrived(20'000);
}

TEST_F(More, more_parts_than_one_call_takes_in_odd_steps) {
  const std::span<const std::byte> all = header_;
  for (const std::uint64_t limit : {1ul, 7ul, 64ul, default_step_limit}) {
    std::vector<Source> list;
    for (std::size_t at = 0; at < all.size(); at += 5) list.emplace_back(all.subspan(at, 5));
    Transfer transfer =
        Transfer::start(context_, make_parts(std::move(list)), Sink::socket(tcp_.to.ref()));
    EXPECT_EQ(drive(context_, transfer, limit).trouble, "");
    EXPECT_EQ(transfer.receipt().delivered, 300u);
    expect_arrived(300);
  }
}

// A long stretch over a socket that is leat's own is corked, so that what comes in meanwhile makes
// the kernel send no segment that is not full; never from step to step, and never somebody else's.
TEST_F(More, a_long_stretch_is_corked_until_the_step_returns) {
  constexpr std::uint64_t long_one = 512 << 10;
  const OwnedFd file = file_with(pattern(seed, 0, 2 * long_one));
  for (const std::string_view kind : {"adopted", "lent to a connection", "borrowed"}) {
    SCOPED_TRACE(kind);
    const bool is_own = kind == "adopted";
    Pair tcp = make_tcp_pair();
    const int socket = tcp.to.number();
    std::optional<Connection> connection;
    if (is_own) connection.emplace(std::move(*Connection::adopt(context_, std::move(tcp.to))));
    if (kind == "lent to a connection")
      connection.emplace(std::move(*Connection::borrow(context_, tcp.to)));
    const ScopedFaults faults;
    Transfer transfer =
        Transfer::start(context_, Source::file(file.ref(), {0, 2 * long_one}),
                        connection ? Sink(*connection) : Sink::socket(FdRef(socket)));
    std::uint64_t steps = 0;
    std::uint64_t received = 0;
    std::vector<std::byte> room(2 * long_one);
    while (transfer.step(long_one).state == State::progress) {
      ++steps;
      EXPECT_FALSE(os::is_corked(FdRef(socket)));
      const std::uint64_t fresh = transfer.receipt().delivered - received;
      const Receipt got = leat::transfer(Source::socket(tcp.from.ref(), fresh),
                                         Sink(std::span(room).subspan(received, fresh)));
      EXPECT_TRUE(got.ok()) << describe(got);
      received += fresh;
    }
    ASSERT_GT(steps, 0u);
    // On and off; what is left for the last steps may be short.
    if (is_own) {
      EXPECT_GE(faults.seen("setsockopt"), 2u);
      EXPECT_EQ(faults.seen("setsockopt") % 2, 0u);
    } else {
      EXPECT_EQ(faults.seen("setsockopt"), 0u);
    }
  }
}

// Who waits for all of it steps on at once: on and off again is once for the whole.
TEST_F(More, a_blocking_transfer_keeps_its_cork_from_step_to_step) {
  constexpr std::uint64_t long_one = 12 << 20;
  const OwnedFd file = file_with(pattern(seed, 0, long_one));
  for (const bool peer_leaves : {false, true}) {
    Pair tcp = make_tcp_pair();
    const int socket = tcp.to.number();
    Connection connection = std::move(*Connection::adopt(context_, std::move(tcp.to)));
    std::jthread receiver([&] {
      std::vector<std::byte> room(long_one);
      transfer(Source::socket(tcp.from.ref(), peer_leaves ? 1 << 20 : long_one),
               Sink(std::span(room)));
      if (peer_leaves) tcp.from.reset();
    });
    const ScopedFaults faults;
    const Receipt receipt = transfer(context_, Source::file(file.ref(), {0, long_one}), connection);
    EXPECT_EQ(receipt.ok(), !peer_leaves) << describe(receipt);
    EXPECT_EQ(faults.seen("setsockopt"), 2u) << describe(receipt);
    EXPECT_FALSE(os::is_corked(FdRef(socket)));
  }
}

// What it waits for then is, among others, the segment that a cork would hold back.
TEST_F(More, no_cork_stays_while_lent_memory_is_waited_for) {
  constexpr std::size_t long_one = 1 << 20;
  Context context = make_context({.lent_budget_bytes = 20'000});
  Pair tcp = make_tcp_pair();
  Connection connection = std::move(*Connection::adopt(context, std::move(tcp.to)));
  const std::jthread receiver([&] {
    std::vector<std::byte> room(long_one);
    transfer(Source::socket(tcp.from.ref(), long_one), Sink(std::span(room)));
  });
  int waits = 0;
  Options options{.mechanism = *Mechanism::named("zerocopy_send")};
  options.progress = [&](const Step& step) {
    if (step.state != State::blocked || step.wait.fds()[0].events == POLLOUT) return;
    ++waits;
    EXPECT_FALSE(os::is_corked(connection.fd()));
  };
  const Slice slice = std::move(*Buffer::allocate(long_one)).freeze();
  const Receipt receipt = transfer(context, slice, connection, options);
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_GT(waits, 0);
}

TEST_F(More, no_cork_stays_if_a_callback_throws) {
  constexpr std::uint64_t long_one = 12 << 20;
  const OwnedFd file = file_with(pattern(seed, 0, long_one));
  Pair tcp = make_tcp_pair();
  Connection connection = std::move(*Connection::adopt(context_, std::move(tcp.to)));
  Options options;
  options.progress = [](const Step&) { throw std::runtime_error("no more"); };
  EXPECT_THROW(transfer(context_, Source::file(file.ref(), {0, long_one}), connection, options),
               std::runtime_error);
  EXPECT_FALSE(os::is_corked(connection.fd()));
}

// A cork of the socket's owner holds back what it will, and stays.
TEST_F(More, a_cork_that_is_not_ours_is_left_alone) {
  ASSERT_TRUE(os::set_cork(tcp_.to, true));
  const std::string before = demeanour(tcp_.to);
  EXPECT_TRUE(transfer(context_, response(), Sink::socket(tcp_.to.ref())).ok());
  EXPECT_EQ(demeanour(tcp_.to), before);
  EXPECT_EQ(not_sent(), 1400);
  ASSERT_TRUE(os::set_cork(tcp_.to, false));
  expect_arrived(1400);
}

TEST_F(More, a_refusal_in_the_middle_of_a_response_holds_nothing_back) {
  for (const std::string_view call : {"sendfile", "splice", "sendmsg", "send", "pread"}) {
    auto connection = Connection::borrow(context_, tcp_.to);
    ASSERT_TRUE(connection);
    Receipt receipt;
    {
      const ScopedFaults faults({{.call = call, .error_number = EINVAL}});
      receipt = transfer(context_, response(), *connection);
    }
    EXPECT_EQ(not_sent(), 0) << call << ": " << describe(receipt);
    EXPECT_FALSE(os::is_corked(tcp_.to)) << call;
    expect_arrived(receipt.delivered);
  }
}

}  // namespace
}  // namespace leat::testing
