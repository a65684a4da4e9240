// Goal: vmsplice hands on pages that nobody writes again, and no others: pitfalls 6, 7, 14, 15, 17
// and 20. Method: a pump stepped by hand, whole transfers whose memory is gone before it is read,
// and the call itself, to show what the refused memory would do.

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>
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

class VmspliceTest : public GuardedTest {
 protected:
  static constexpr std::uint64_t seed = 41;
  const Options forced_{.mechanism = *Mechanism::named("vmsplice")};
  Pair pipe_ = make_pipe_pair();
  Pair tcp_ = make_tcp_pair();

  static Slice pages(std::uint64_t size, std::uint64_t position = 0) {
    Buffer buffer = std::move(*Buffer::pages(size));
    fill_pattern(seed, position, buffer.bytes());
    return std::move(buffer).freeze();
  }
  static PumpBench bench(const Source& source, const Sink& sink) {
    return {"vmsplice", source, sink};
  }
  /// New memory in the place of the old, full of something else. The old must be gone.
  static void reuse(void* place, std::size_t size) {
    void* const got = ::mmap(place, size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    ASSERT_EQ(got, place) << "somebody still has the memory";
    std::memset(place, 0xee, size);
    reused_ = {static_cast<std::byte*>(place), size};
  }
  void TearDown() override {
    if (!reused_.empty()) ::munmap(reused_.data(), reused_.size());
    reused_ = {};
  }
  static StreamCheck read_some(FdRef from, std::uint64_t count) {
    set_blocking(from, Blocking::yes);
    StreamCheck check(seed);
    std::vector<std::byte> chunk(64 << 10);
    while (check.count() < count) {
      const ssize_t got =
          ::read(from.number(), chunk.data(), std::min(chunk.size(), count - check.count()));
      if (got <= 0) break;
      check.add(std::span(chunk).first(static_cast<std::size_t>(got)));
    }
    return check;
  }

 private:
  static inline std::span<std::byte> reused_;
};

TEST_F(VmspliceTest, says_why_it_does_not_fit) {
  const SourceFacts pages{.tenure = MemoryTenure::never_reused};
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    std::string_view reason;  // a part of it; empty: it fits
  };
  const std::array rows{
      Row{pages, {.kind = Kind::pipe}, ""},
      Row{pages, {.kind = Kind::pipe, .waiting = Waiting::polled}, ""},
      Row{pages, {.kind = Kind::socket}, ""},
      Row{pages, {.kind = Kind::socket, .waiting = Waiting::allowed}, ""},
      Row{pages, {.kind = Kind::socket, .waiting = Waiting::flagged}, "blocking"},
      Row{pages, {.kind = Kind::file}, "copy all the same"},
      Row{pages, {.kind = Kind::memory}, "copy all the same"},
      Row{{.tenure = MemoryTenure::borrowed}, {.kind = Kind::pipe}, "may be written again"},
      Row{{.tenure = MemoryTenure::shared}, {.kind = Kind::pipe}, "may be written again"},
      Row{{.kind = Kind::file}, {.kind = Kind::pipe}, "not memory"}};
  for (const Row& row : rows) {
    const Fit fit = fit_of("vmsplice", row.source, row.sink);
    EXPECT_EQ(fit.fits, row.reason.empty()) << fit.reason;
    EXPECT_TRUE(fit.reason.contains(row.reason)) << fit.reason;
  }
}

// 20. The reader sees the old bytes although the slice is gone, its place is used again and
// overwritten, and the pipe that carried the pages has been empty for long.
TEST_F(VmspliceTest, what_was_sent_stays_as_it_was_after_the_memory_is_gone) {
  constexpr std::uint64_t size = 48 << 10;
  for (const bool piped : {true, false}) {
    SCOPED_TRACE(piped ? "pipe" : "socket");
    Slice slice = pages(size);
    void* const place = const_cast<std::byte*>(slice.data());
    Context context = make_context();
    const Receipt receipt =
        transfer(context, Source(std::exchange(slice, {})),
                 piped ? Sink::pipe(pipe_.to.ref()) : Sink::socket(tcp_.to.ref()), forced_);
    EXPECT_EQ(receipt.delivered, size) << describe(receipt);
    EXPECT_EQ(receipt.legs[0].known_by, KnownBy::construction);
    EXPECT_EQ(receipt.legs[0].cpu_copied_bytes, 0u);
    reuse(place, size);
    const StreamCheck check = read_some(piped ? pipe_.from : tcp_.from, size);
    EXPECT_EQ(check.mismatch(), "");
    EXPECT_EQ(check.count(), size);
    TearDown();
  }
}

// 20. Why other memory is refused: the pipe is empty, and yet an overwrite reaches the peer.
TEST_F(VmspliceTest, memory_that_may_be_written_again_is_refused_for_a_reason) {
  std::vector<std::byte> heap(8192, std::byte{1});
  iovec piece{heap.data(), heap.size()};
  ASSERT_EQ(::vmsplice(pipe_.to.number(), &piece, 1, 0), 8192);
  ASSERT_EQ(::splice(pipe_.from.number(), nullptr, tcp_.to.number(), nullptr, 8192, 0), 8192);
  int left = -1;
  ASSERT_EQ(::ioctl(pipe_.from.number(), FIONREAD, &left), 0);
  EXPECT_EQ(left, 0) << "an empty pipe proves nothing";
  std::ranges::fill(heap, std::byte{2});
  set_blocking(tcp_.from, Blocking::yes);
  std::vector<std::byte> got(8192);
  ASSERT_EQ(::recv(tcp_.from.number(), got.data(), got.size(), MSG_WAITALL), 8192);
  EXPECT_NE(std::ranges::find(got, std::byte{2}), got.end()) << "this kernel has copied";

  const Slice adopted = Slice::borrow(std::span<const std::byte>(heap));
  for (const bool owned : {false, true}) {
    Source source = owned ? Source(adopted) : Source(std::span<const std::byte>(heap));
    const ScopedFaults faults;
    const Receipt receipt = transfer(std::move(source), Sink::pipe(pipe_.to.ref()), forced_);
    ASSERT_TRUE(receipt.error);
    EXPECT_TRUE(receipt.error->is(Errc::does_not_fit)) << describe(receipt);
    EXPECT_TRUE(receipt.error->hint.contains("written again")) << receipt.error->hint;
    EXPECT_EQ(faults.seen("vmsplice"), 0u);
  }
}

TEST_F(VmspliceTest, one_other_piece_spoils_the_run) {
  const std::string_view borrowed = "borrowed";
  const Receipt receipt =
      transfer(parts(pages(100), borrowed, pages(100)), Sink::pipe(pipe_.to.ref()), forced_);
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(Errc::does_not_fit)) << describe(receipt);
}

TEST_F(VmspliceTest, empty_pieces_spoil_nothing) {
  const Receipt among = transfer(parts(Source(), pages(100), Source(), std::string_view()),
                                 Sink::pipe(pipe_.to.ref()), forced_);
  EXPECT_EQ(among.delivered, 100u) << describe(among);
  const Receipt nothing = transfer(Chain(), Sink::pipe(pipe_.to.ref()), forced_);
  EXPECT_EQ(nothing.ending, Ending::complete) << describe(nothing);
}

TEST_F(VmspliceTest, is_taken_where_copies_are_forbidden) {
  const Options options{.copies = Copies::forbid};
  const Receipt receipt = transfer(pages(10'000), Sink::pipe(pipe_.to.ref()), options);
  EXPECT_TRUE(moved_by_alone(receipt, forced_.mechanism)) << describe(receipt);
  // The twin: without the wish a plain write is cheaper for so little.
  const Receipt plain = transfer(pages(10'000), Sink::pipe(pipe_.to.ref()));
  EXPECT_TRUE(moved_by_alone(plain, *Mechanism::named("read_write"))) << describe(plain);
}

// 14. Slots, not bytes: each page that a piece touches takes one.
TEST_F(VmspliceTest, a_full_pipe_is_waited_for) {
  const Slice slice = pages(1 << 20);
  PumpBench bench = this->bench(Source(slice), Sink::pipe(pipe_.to.ref()));
  EXPECT_EQ(bench.step(1 << 20).delivered, 65536u);
  EXPECT_EQ(bench.step(1 << 20).outcome, Outcome::wait_sink);
  read_some(pipe_.from, 65536);
  bench.memory.clear();
  for (std::size_t i = 0; i < 100; ++i)
    bench.memory.push_back({const_cast<std::byte*>(slice.data()) + 5000 * i, 10});
  EXPECT_EQ(bench.step(1000).delivered, 160u) << "16 slots";
  EXPECT_EQ(bench.step(1000).outcome, Outcome::wait_sink);
}

TEST_F(VmspliceTest, a_blocking_pipe_is_not_waited_on) {
  set_blocking(pipe_.to, Blocking::yes);
  PumpBench bench = this->bench(Source(pages(1 << 20)), Sink::pipe(pipe_.to.ref()));
  EXPECT_EQ(bench.step(1 << 20).delivered, 65536u);
  EXPECT_EQ(bench.step(1 << 20).outcome, Outcome::wait_sink);
}

TEST_F(VmspliceTest, chains_with_ragged_pieces_arrive_whole) {
  for (const bool piped : {true, false}) {
    Chain chain;
    std::uint64_t at = 0;
    for (const std::uint64_t size : {1u, 4095u, 4096u, 4097u, 65537u, 3u, 20'000u}) {
      chain.append(pages(size, at));
      at += size;
    }
    // A slice that neither begins nor ends with a page.
    chain.append(pages(9000, at - 100).subslice(100, 7000));
    at += 7000;
    std::optional<OwnedFd> reader(std::move(piped ? pipe_.from : tcp_.from));
    set_blocking(*reader, Blocking::yes);
    Drainer drainer(std::move(*reader), {.seed = seed, .chunk_bytes = 1000});
    Context context = make_context();
    const Receipt receipt = transfer(
        context, chain, piped ? Sink::pipe(pipe_.to.ref()) : Sink::socket(tcp_.to.ref()), forced_);
    EXPECT_EQ(receipt.delivered, at) << describe(receipt);
    (piped ? pipe_.to : tcp_.to).reset();
    EXPECT_EQ(drainer.finish().check.mismatch(), "");
    EXPECT_EQ(drainer.finish().check.count(), at);
  }
}

// 15. What is in the private pipe is thrown away with it: the memory can be read again.
TEST_F(VmspliceTest, surrenders_what_its_pipe_holds) {
  PumpBench bench = this->bench(Source(pages(100'000)), Sink::socket(tcp_.to.ref()));
  const ScopedFaults faults({{.call = "splice", .error_number = EAGAIN}});
  const Moved moved = bench.step(100'000);
  EXPECT_EQ(moved.outcome, Outcome::wait_sink);
  EXPECT_EQ(moved.taken, 100'000u);
  EXPECT_EQ(moved.delivered, 0u);
  const Residue residue = bench.surrender();
  EXPECT_EQ(residue.bytes, 100'000u);
  EXPECT_TRUE(residue.pipe.valid());
}

// A step that ends right between two pieces keeps what the pipe holds of the second.
TEST_F(VmspliceTest, the_end_of_a_piece_throws_nothing_away) {
  Chain chain;
  chain.append(pages(4096, 0));
  chain.append(pages(4096, 4096));
  Context context = make_context();
  const ScopedFaults faults({{.call = "splice", .shorten_to = 100}});
  Transfer transfer = Transfer::start(context, chain, Sink::socket(tcp_.to.ref()), forced_);
  const Step short_one = transfer.step(8192);
  ASSERT_EQ(short_one.taken, 8192u);
  ASSERT_EQ(short_one.delivered, 100u);
  const Step to_the_border = transfer.step(4096 - 100);
  EXPECT_EQ(to_the_border.delivered, 4096u);
  EXPECT_EQ(to_the_border.taken, 8192u) << "it went back";
  EXPECT_EQ(drive(context, transfer).trouble, "");
  EXPECT_EQ(faults.seen("vmsplice"), 1u) << "filled again";
  EXPECT_EQ(read_some(tcp_.from, 8192).mismatch(), "");
}

TEST_F(VmspliceTest, a_refusal_on_the_way_leaves_exact_counts) {
  Context context = make_context();
  Receipt receipt;
  {
    const ScopedFaults faults({{.call = "splice", .shorten_to = 5003},
                               {.call = "splice", .first = 2, .error_number = EINVAL}});
    Transfer transfer =
        Transfer::start(context, pages(60'000), Sink::socket(tcp_.to.ref()), forced_);
    EXPECT_EQ(drive(context, transfer).trouble, "");
    receipt = transfer.receipt();
  }
  EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  EXPECT_EQ(receipt.delivered, 5003u);
  EXPECT_EQ(receipt.stranded, 0u) << "memory can be read again";
  ASSERT_EQ(receipt.refusals.size(), 1u);
  EXPECT_EQ(receipt.refusals[0].at, 5003u);
  const StreamCheck check = read_some(tcp_.from, 5003);
  EXPECT_EQ(check.mismatch(), "");
  EXPECT_EQ(check.count(), 5003u);
}

// 17
TEST_F(VmspliceTest, without_a_pipe_it_refuses_and_with_a_small_one_it_serves) {
  PumpBench none("vmsplice", Source(pages(100)), Sink::socket(tcp_.to.ref()), {}, 0);
  EXPECT_EQ(none.step(100).outcome, Outcome::refused);
  PumpBench small("vmsplice", Source(pages(100'000)), Sink::socket(tcp_.to.ref()), {}, 4096);
  EXPECT_EQ(small.step(100'000).delivered, 4096u);
}

TEST_F(VmspliceTest, capability_errors_refuse_and_data_errors_fail) {
  struct Row {
    int number;
    Outcome outcome;
  };
  for (const Row row :
       {Row{EAGAIN, Outcome::wait_sink}, Row{EINVAL, Outcome::refused},
        Row{ENOSYS, Outcome::refused}, Row{EPERM, Outcome::refused}, Row{ENOMEM, Outcome::refused},
        Row{EPIPE, Outcome::failed}, Row{EIO, Outcome::failed}}) {
    SCOPED_TRACE(strerrorname_np(row.number));
    const ScopedFaults faults({{.call = "vmsplice", .error_number = row.number}});
    const Moved moved = bench(Source(pages(100)), Sink::pipe(pipe_.to.ref())).step(100);
    EXPECT_EQ(moved.outcome, row.outcome);
    EXPECT_EQ(moved.delivered, 0u);
  }
}

// 6: the default action of SIGPIPE would end the test.
TEST_F(VmspliceTest, a_gone_reader_is_an_error_and_no_signal) {
  pipe_.from.reset();
  const Moved moved = bench(Source(pages(100)), Sink::pipe(pipe_.to.ref())).step(100);
  EXPECT_EQ(moved.outcome, Outcome::failed);
  EXPECT_EQ(moved.error_number, EPIPE);
}

// 7
TEST_F(VmspliceTest, holds_back_only_what_more_follows_upon) {
  const auto not_sent = [&] {
    int count = -1;
    EXPECT_EQ(::ioctl(tcp_.to.number(), SIOCOUTQNSD, &count), 0);
    return count;
  };
  PumpBench more = this->bench(Source(pages(300)), Sink::socket(tcp_.to.ref()));
  EXPECT_TRUE(more.step(300, true).held_back);
  EXPECT_EQ(not_sent(), 300);
  PumpBench last = this->bench(Source(pages(300)), Sink::socket(tcp_.to.ref()));
  EXPECT_FALSE(last.step(300).held_back);
  EXPECT_EQ(not_sent(), 0);
}

}  // namespace
}  // namespace leat::testing
