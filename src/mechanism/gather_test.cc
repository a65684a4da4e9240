// Goal: gather sends many pieces of memory by few calls and meets pitfalls 1, 3, 6, 7 and 46.
// Method: whole transfers of chains, and a pump stepped by hand over a list of pieces.

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/transfer.h>

#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pump_bench.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using Outcome = Moved::Outcome;

struct PiecesBench : PumpBench {
  PiecesBench(const Sink& sink_end, std::span<std::byte> bytes, std::uint64_t piece_bytes)
      : PumpBench("gather", Source(std::span<const std::byte>(bytes)), sink_end) {
    memory.clear();
    for (; !bytes.empty(); bytes = bytes.subspan(memory.back().iov_len))
      memory.push_back({bytes.data(), std::min<std::size_t>(piece_bytes, bytes.size())});
  }
};

class GatherTest : public GuardedTest {
 protected:
  static constexpr std::uint64_t seed = 37;
  const Mechanism gather_ = *Mechanism::named("gather");
  Pair pipe_ = make_pipe_pair();
  Pair tcp_ = make_tcp_pair();
  std::vector<std::byte> bytes_ = pattern(seed, 0, 300'001);

  /// The pattern [0, size) in pieces of `piece_bytes`.
  Chain chain(std::uint64_t size, std::uint64_t piece_bytes) const {
    Chain chain;
    for (std::uint64_t at = 0; at < size; at += piece_bytes) {
      const auto piece = std::span(bytes_).subspan(at, std::min(piece_bytes, size - at));
      chain.append(Slice::borrow(std::as_bytes(piece)));
    }
    return chain;
  }
  /// The same for a pump.
  PiecesBench bench(const Sink& sink, std::uint64_t size, std::uint64_t piece_bytes) {
    return {sink, std::span(bytes_).first(size), piece_bytes};
  }
  void expect_read(FdRef from, std::uint64_t count) {
    set_blocking(from, Blocking::yes);
    std::vector<std::byte> got(count);
    for (std::size_t have = 0; have < count;) {
      const ssize_t more = ::read(from.number(), got.data() + have, count - have);
      ASSERT_GT(more, 0);
      have += static_cast<std::size_t>(more);
    }
    EXPECT_TRUE(std::ranges::equal(got, std::span(bytes_).first(count)));
  }
};

TEST_F(GatherTest, says_why_it_does_not_fit) {
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    std::string_view reason;  // a part of it; empty: it fits
  };
  const std::array rows{Row{{.scattered = true}, {.kind = Kind::socket}, ""},
                        Row{{}, {.kind = Kind::pipe, .waiting = Waiting::polled}, ""},
                        Row{{}, {.kind = Kind::file, .append = true}, ""},
                        Row{{}, {.kind = Kind::device}, ""},
                        Row{{.kind = Kind::file}, {.kind = Kind::socket}, "not memory"},
                        Row{{.scattered = true}, {.kind = Kind::memory}, "sink is memory"}};
  for (const Row& row : rows) {
    const Fit fit = fit_of("gather", row.source, row.sink);
    EXPECT_EQ(fit.fits, row.reason.empty()) << fit.reason;
    EXPECT_TRUE(fit.reason.contains(row.reason)) << fit.reason;
  }
}

// The fast path is taken, and few calls serve many pieces: IOV_MAX of them each.
TEST_F(GatherTest, five_thousand_pieces_are_five_calls) {
  const OwnedFd file = file_with({});
  const Receipt receipt = transfer(chain(50'000, 10), Sink::file(file.ref()));
  EXPECT_TRUE(moved_by_alone(receipt, gather_)) << describe(receipt);
  EXPECT_EQ(receipt.delivered, 50'000u);
  EXPECT_EQ(receipt.legs[0].calls, 5u) << describe(receipt);
  EXPECT_EQ(receipt.legs[0].cpu_copied_bytes, 50'000u);
  EXPECT_TRUE(std::ranges::equal(content_of(file), std::span(bytes_).first(50'000)));
}

// The twin: one piece needs no list.
TEST_F(GatherTest, is_not_taken_for_one_piece) {
  const ScopedFaults faults;
  const Receipt receipt = transfer(chain(10, 10), Sink::socket(tcp_.to.ref()));
  EXPECT_TRUE(moved_by_alone(receipt, *Mechanism::named("read_write"))) << describe(receipt);
  EXPECT_EQ(faults.seen("sendmsg"), 0u);
}

TEST_F(GatherTest, steps_and_short_counts_end_in_the_middle_of_pieces) {
  for (const std::uint64_t limit : {std::uint64_t{1021}, default_step_limit})
    for (const std::size_t at_most : {std::size_t{7}, std::size_t{4095}, std::size_t{1} << 30}) {
      SCOPED_TRACE(std::to_string(limit) + ", " + std::to_string(at_most));
      Context context = make_context();
      Transfer transfer = Transfer::start(context, chain(30'003, 11), Sink::socket(tcp_.to.ref()));
      const ScopedFaults faults({{.call = "sendmsg", .times = always, .shorten_to = at_most}});
      const Drive log = drive(context, transfer, limit);
      EXPECT_EQ(log.trouble, "");
      const Receipt receipt = transfer.receipt();
      EXPECT_TRUE(moved_by_alone(receipt, gather_)) << describe(receipt);
      EXPECT_EQ(receipt.delivered, 30'003u);
      expect_read(tcp_.from, 30'003);
    }
}

TEST_F(GatherTest, moves_no_more_than_it_may) {
  PiecesBench several = bench(Sink::pipe(pipe_.to.ref()), 1000, 100);
  EXPECT_EQ(several.step({.take = 1000, .deliver = 350, .remaining = 1000, .more_follows = false})
                .delivered,
            300u)
      << "whole pieces";
  PiecesBench one = bench(Sink::pipe(pipe_.to.ref()), 1000, 1000);
  EXPECT_EQ(one.step(350).delivered, 350u);
  PiecesBench many = bench(Sink::pipe(pipe_.to.ref()), 3000, 1);
  EXPECT_EQ(many.step(3000).delivered, std::uint64_t{IOV_MAX});
}

TEST_F(GatherTest, says_that_the_sink_is_full_and_never_waits) {
  for (const Blocking blocking : {Blocking::no, Blocking::yes}) {
    Pair tcp = make_tcp_pair(blocking);
    PiecesBench bench = this->bench(Sink::socket(tcp.to.ref()), 300'000, 1000);
    Moved moved;
    while ((moved = bench.step(300'000)).outcome == Outcome::progress) {
    }
    EXPECT_EQ(moved.outcome, Outcome::wait_sink);
  }
}

// Of a blocking pipe poll(2) promises room for 4 KiB, in however many pieces.
TEST_F(GatherTest, a_blocking_pipe_is_given_what_is_surely_there) {
  set_blocking(pipe_.to, Blocking::yes);
  for (const std::uint64_t piece_bytes : {1000u, 5000u}) {
    PiecesBench bench = this->bench(Sink::pipe(pipe_.to.ref()), 100'000, piece_bytes);
    EXPECT_EQ(bench.sink.waiting, Waiting::polled);
    const Moved moved = bench.step(100'000);
    EXPECT_EQ(moved.delivered, piece_bytes == 1000 ? 4000u : 4096u);
    expect_read(pipe_.from, moved.delivered);
  }
}

// 6: the default action of SIGPIPE would end the test.
TEST_F(GatherTest, a_reader_who_leaves_is_an_error_and_no_signal) {
  {
    Pair pipe = make_pipe_pair(Blocking::yes);
    PiecesBench bench = this->bench(Sink::pipe(pipe.to.ref()), 290'010, 145'005);
    bench.sink.waiting = Waiting::allowed;
    const Drainer drainer(std::move(pipe.from), {.seed = seed, .stop_after = 100});
    const Moved moved = bench.step(290'010);
    EXPECT_EQ(moved.outcome, Outcome::progress);
    EXPECT_GE(moved.delivered, 65536u);
  }
  pipe_.from.reset();
  const Moved moved = bench(Sink::pipe(pipe_.to.ref()), 100, 10).step(100);
  EXPECT_EQ(moved.outcome, Outcome::failed);
  EXPECT_EQ(moved.error_number, EPIPE);
}

// 7
TEST_F(GatherTest, holds_back_only_what_more_follows_upon) {
  const auto not_sent = [&] {
    int count = -1;
    EXPECT_EQ(::ioctl(tcp_.to.number(), SIOCOUTQNSD, &count), 0);
    return count;
  };
  PiecesBench part = bench(Sink::socket(tcp_.to.ref()), 300, 100);
  EXPECT_FALSE(
      part.step({.take = 300, .deliver = 200, .remaining = 300, .more_follows = true}).held_back);
  EXPECT_EQ(not_sent(), 0);
  PiecesBench all = bench(Sink::socket(tcp_.to.ref()), 300, 100);
  EXPECT_TRUE(all.step(300, true).held_back);
  EXPECT_EQ(not_sent(), 300);
  EXPECT_FALSE(bench(Sink::socket(tcp_.to.ref()), 300, 100).step(300).held_back);
  EXPECT_EQ(not_sent(), 0);
}

// 3
TEST_F(GatherTest, files_are_written_where_they_should_be) {
  const OwnedFd file = file_with(pattern(1, 0, 100));
  EXPECT_TRUE(transfer(chain(1000, 100), Sink::file(file.ref(), 50)).ok());
  EXPECT_EQ(cursor_of(file), 0);
  EXPECT_EQ(size_of(file), 1050u);
  EXPECT_TRUE(transfer(chain(1000, 100), Sink::file(file.ref(), at_cursor)).ok());
  EXPECT_EQ(cursor_of(file), 1000);

  ASSERT_EQ(::fcntl(file.number(), F_SETFL, O_APPEND), 0);
  const Receipt receipt = transfer(chain(1000, 100), Sink::file(file.ref(), at_cursor));
  EXPECT_TRUE(moved_by_alone(receipt, gather_)) << describe(receipt);
  EXPECT_EQ(size_of(file), 2050u) << "O_APPEND writes at the end, wherever the cursor is";
}

TEST_F(GatherTest, capability_errors_refuse_and_data_errors_fail) {
  struct Row {
    int number;
    Outcome outcome;
  };
  for (const Row row : {Row{EAGAIN, Outcome::wait_sink}, Row{EINVAL, Outcome::refused},
                        Row{ENOSYS, Outcome::refused}, Row{EPERM, Outcome::refused},
                        Row{ENOBUFS, Outcome::refused}, Row{ENOMEM, Outcome::refused},
                        Row{EPIPE, Outcome::failed}, Row{ECONNRESET, Outcome::failed},
                        Row{EIO, Outcome::failed}, Row{ENOSPC, Outcome::failed}}) {
    SCOPED_TRACE(strerrorname_np(row.number));
    const ScopedFaults faults({{.call = "sendmsg", .error_number = row.number}});
    const Moved moved = bench(Sink::socket(tcp_.to.ref()), 100, 10).step(100);
    EXPECT_EQ(moved.outcome, row.outcome);
    EXPECT_EQ(moved.delivered, 0u);
  }
}

TEST_F(GatherTest, another_goes_on_where_it_refused) {
  Context context = make_context();
  Transfer transfer = Transfer::start(context, chain(1000, 10), Sink::socket(tcp_.to.ref()));
  const ScopedFaults faults(
      {{.call = "sendmsg", .shorten_to = 333},
       {.call = "sendmsg", .first = 2, .times = always, .error_number = EPERM}});
  EXPECT_EQ(drive(context, transfer).trouble, "");
  const Receipt receipt = transfer.receipt();
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  ASSERT_GE(receipt.refusals.size(), 1u);
  EXPECT_EQ(receipt.refusals[0].at, 333u) << describe(receipt);
  expect_read(tcp_.from, 1000);
}

// Borrowed memory among slices must not be lent, so all that go together are copied.
TEST_F(GatherTest, one_borrowed_piece_makes_the_others_unfit_to_be_lent) {
  Context context = make_context();
  auto connection = Connection::adopt(context, std::move(tcp_.to));
  ASSERT_TRUE(connection);
  const std::span<const std::byte> all = bytes_;
  const auto mixed = [&] {
    return parts(std::move(*Buffer::pages(5000)).freeze(), all.first(100),
                 std::move(*Buffer::pages(5000)).freeze());
  };
  const Receipt forced =
      transfer(context, mixed(), *connection, {.mechanism = *Mechanism::named("zerocopy_send")});
  ASSERT_TRUE(forced.error);
  EXPECT_TRUE(forced.error->is(Errc::does_not_fit)) << describe(forced);
  EXPECT_TRUE(forced.error->hint.contains("borrowed")) << forced.error->hint;
  const Receipt receipt = transfer(context, mixed(), *connection);
  EXPECT_TRUE(moved_by_alone(receipt, gather_)) << describe(receipt);
  EXPECT_EQ(receipt.delivered, 10'100u);
}

}  // namespace
}  // namespace leat::testing
