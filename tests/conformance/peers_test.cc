// Goal: a peer that is slow, leaves, resets, never reads or is killed: counts stay exact, nothing
// spins, nothing hangs, and a cut-off stream is not mistaken for a whole one.

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>

#include <gtest/gtest.h>

#include <leat/connection.h>

#include "support/bounds.h"
#include "support/guards.h"
#include "support/run_case.h"

namespace leat::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class StreamPeer : public AlonePairTest {
 protected:
  /// More than what loopback sockets buffer, so that a peer that does not read is felt.
  static constexpr std::uint64_t large_size = 8u << 20;
  static std::unique_ptr<SourceEnd> make_source(Context& context, std::uint64_t seed) {
    return SourceEnd::make(GetParam().from,
                           {.size = large_size, .seed = seed, .context = &context});
  }
  Options forced() const { return {.mechanism = GetParam().mechanism}; }
};

TEST_P(StreamPeer, slow) {
  LEAT_SKIP_IF_OVER_BOUND(200'003u);
  for (const Driver driver : {Driver::steps, Driver::call}) {
    Case one = ragged_case(GetParam().from, GetParam().to, 200'003);
    one.options = forced();
    one.driver = driver;
    one.to_options.small_buffers = one.from_options.small_buffers = true;
    one.to_options.drain.chunk_bytes = 512;
    const Outcome outcome = run_case(one);
    EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
    EXPECT_TRUE(outcome.receipt.ok()) << describe(outcome.receipt);
    // Each wake-up that is worth one moves something: both ends woke it at most once a read there.
    EXPECT_LE(outcome.drive.steps, 64 + 4 * (200'003 / 512)) << "it spins";
  }
}

/// A sink whose reader stops early.
class Leaver {
 public:
  Leaver(EndKind kind, Context& context)
      : kind_(kind),
        pair_(kind == EndKind::pipe          ? make_pipe_pair()
              : kind == EndKind::unix_socket ? make_unix_pair()
                                             : make_tcp_pair()) {
    set_blocking(pair_.from, Blocking::yes);
    if (kind != EndKind::connection) return;
    auto adopted = Connection::adopt(context, std::move(pair_.to));
    EXPECT_TRUE(adopted);
    if (adopted) connection_.emplace(std::move(*adopted));
  }
  Sink sink() {
    if (connection_) return {*connection_};
    return kind_ == EndKind::pipe ? Sink::pipe(pair_.to.ref()) : Sink::socket(pair_.to.ref());
  }
  void close_sink() {
    connection_.reset();
    pair_.to.reset();
  }
  OwnedFd& reader() { return pair_.from; }

 private:
  EndKind kind_;
  Pair pair_;
  std::optional<Connection> connection_;
};

void expect_cut_off(const Receipt& receipt, std::uint64_t received) {
  EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(EPIPE) || receipt.error->is(ECONNRESET)) << describe(receipt);
  EXPECT_EQ(inconsistency(receipt), "");
  EXPECT_GE(receipt.delivered, received) << describe(receipt);
}

TEST_P(StreamPeer, closes_early_unread) {
  LEAT_SKIP_IF_OVER_BOUND(large_size);
  for (const Driver driver : {Driver::steps, Driver::call})
    for (const bool reset : {false, true})
      for (const std::uint64_t reads : {std::uint64_t{0}, std::uint64_t{10'000}}) {
        SCOPED_TRACE(std::string(reset ? "reset" : "close") + " after " + std::to_string(reads));
        Context context = make_context();
        const auto from = make_source(context, 3);
        Leaver leaver(GetParam().to, context);
        if (reset && is_socket(GetParam().to)) reset_on_close(leaver.reader());
        Drainer drainer(std::move(leaver.reader()), {.seed = 3, .stop_after = reads});
        Receipt receipt;
        if (driver == Driver::steps) {
          Transfer transfer = Transfer::start(context, from->source(), leaver.sink(), forced());
          const Drive log = drive(context, transfer);
          EXPECT_EQ(log.trouble, "");
          EXPECT_LE(log.idle_steps, 64u + log.steps / 2) << "it spins";
          receipt = transfer.receipt();
        } else {
          receipt = transfer(context, from->source(), leaver.sink(), forced());
        }
        EXPECT_EQ(drainer.finish().check.mismatch(), "");
        expect_cut_off(receipt, drainer.finish().check.count());
        leaver.close_sink();
        EXPECT_EQ(take_back_loans(context), "");
        EXPECT_EQ(from->examine(receipt.delivered + receipt.stranded), "") << describe(receipt);
      }
}

TEST_P(StreamPeer, never_reads_then_does) {
  LEAT_SKIP_IF_OVER_BOUND(large_size);
  Context context = make_context();
  const auto from = make_source(context, 4);
  Leaver leaver(GetParam().to, context);
  Options options = forced();
  options.deadline = steady_clock::now() + milliseconds(30);
  Transfer transfer = Transfer::start(context, from->source(), leaver.sink(), options);
  Drive log = drive(context, transfer);
  EXPECT_EQ(log.trouble, "");
  EXPECT_EQ(log.last.state, State::stopped);
  EXPECT_GE(steady_clock::now(), *options.deadline) << "it stopped before its deadline";
  EXPECT_LE(log.idle_steps, 64u) << "it spins";
  const Receipt stopped = transfer.receipt();
  EXPECT_EQ(stopped.ending, Ending::deadline) << describe(stopped);
  EXPECT_EQ(inconsistency(stopped), "");
  EXPECT_LT(stopped.delivered, large_size);
  EXPECT_EQ(transfer.step().state, State::stopped) << "an ended transfer repeats its ending";

  transfer.resume({});
  Drainer drainer(std::move(leaver.reader()), {.seed = 4});
  log = drive(context, transfer);
  EXPECT_EQ(log.last.state, State::done);
  const Receipt receipt = transfer.receipt();
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_EQ(receipt.delivered, large_size);
  EXPECT_EQ(receipt.stranded, 0u);
  // A Connection outlives its transfers.
  {
    const Transfer ended = std::move(transfer);
  }
  leaver.close_sink();
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), large_size);
  EXPECT_EQ(take_back_loans(context), "");
}

TEST_P(StreamPeer, never_reads_and_the_call_gives_up) {
  LEAT_SKIP_IF_OVER_BOUND(large_size);
  Context context = make_context();
  const auto from = make_source(context, 5);
  Leaver leaver(GetParam().to, context);
  Options options = forced();
  options.deadline = steady_clock::now() + milliseconds(30);
  const Receipt receipt = transfer(context, from->source(), leaver.sink(), options);
  EXPECT_EQ(receipt.ending, Ending::deadline) << describe(receipt);
  EXPECT_GE(steady_clock::now(), *options.deadline);
  EXPECT_EQ(inconsistency(receipt), "");
  leaver.close_sink();
  const StreamCheck got = read_rest(leaver.reader(), 5, 0);
  EXPECT_EQ(got.mismatch(), "");
  EXPECT_EQ(got.count(), receipt.delivered) << describe(receipt);
  EXPECT_EQ(context.counters().stranded_bytes, receipt.stranded);
  EXPECT_EQ(take_back_loans(context), "");
  EXPECT_EQ(from->examine(receipt.delivered + receipt.stranded), "");
}

// What cancel() leaves behind can be sent on by somebody else: stranded first, then the source.
TEST_P(StreamPeer, never_reads_and_another_transfer_goes_on) {
  LEAT_SKIP_IF_OVER_BOUND(large_size);
  Context context = make_context();
  const auto from = make_source(context, 6);
  Leaver leaver(GetParam().to, context);
  std::uint64_t delivered = 0;
  std::vector<Source> stranded;
  {
    Transfer transfer = Transfer::start(context, from->source(), leaver.sink(), forced());
    drive(context, transfer, default_step_limit,
          [](const Step& step) { return step.state == State::blocked && step.delivered > 0; });
    transfer.cancel();
    const Drive log = drive(context, transfer);
    EXPECT_EQ(log.last.state, State::stopped);
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(receipt.ending, Ending::cancelled) << describe(receipt);
    delivered = receipt.delivered;
    stranded = transfer.stranded();
    std::uint64_t sum = 0;
    for (const Source& source : stranded) sum += source.length();
    EXPECT_EQ(sum, receipt.stranded);
  }
  EXPECT_EQ(context.counters().stranded_bytes, 0u);
  Drainer drainer(std::move(leaver.reader()), {.seed = 6});
  for (Source& source : stranded) {
    const Receipt receipt = transfer(context, std::move(source), leaver.sink());
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
    delivered += receipt.delivered;
  }
  leaver.close_sink();
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), delivered);
  EXPECT_EQ(take_back_loans(context), "");
  EXPECT_EQ(from->examine(delivered), "");
}

std::vector<FittingPair> pairs_to_streams() {
  std::vector<FittingPair> pairs;
  for (const FittingPair& pair : fitting_pairs())
    if (is_stream(pair.to)) pairs.push_back(pair);
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(every_fitting_pair, StreamPeer, ::testing::ValuesIn(pairs_to_streams()),
                         [](const auto& each) { return name_of(each.param); });

/// A child that runs `body` with the writing end and is then killed where it stands.
template <class Body>
pid_t doomed_child(Pair& pair, Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    pair.from.reset();
    body(std::move(pair.to));
    ::_exit(0);
  }
  pair.to.reset();
  return child;
}

void kill_and_reap(pid_t child) {
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
}

class KilledSender : public GuardedTest, public ::testing::WithParamInterface<FittingPair> {
 protected:
  Pair make_pair() const {
    switch (GetParam().from) {
      case EndKind::pipe: return make_pipe_pair(Blocking::yes);
      case EndKind::unix_socket: return make_unix_pair(Blocking::yes);
      default: return make_tcp_pair(Blocking::yes);
    }
  }
  static Source source_of(Context& context, const Pair& pair, std::uint64_t length,
                          std::optional<Connection>& connection) {
    if (GetParam().from == EndKind::pipe) return Source::pipe(pair.from.ref(), length);
    if (GetParam().from != EndKind::connection) return Source::socket(pair.from.ref(), length);
    connection.emplace(std::move(*Connection::borrow(context, pair.from)));
    return {*connection, length};
  }
};

TEST_P(KilledSender, is_an_early_end) {
  for (const bool promised : {true, false}) {
    Pair pair = make_pair();
    const pid_t child = doomed_child(pair, [](OwnedFd to) {
      const auto bytes = pattern(8, 0, 40'000);
      [[maybe_unused]] const auto count = ::write(to.number(), bytes.data(), bytes.size());
      for (;;) ::pause();
    });
    set_blocking(pair.from, Blocking::no);
    const std::uint64_t length = promised ? 1u << 20 : to_end;
    Context context = make_context();
    const auto to =
        SinkEnd::make(GetParam().to, {.size = 1u << 20, .seed = 8, .context = &context});
    std::optional<Connection> connection;
    Receipt receipt;
    {
      Transfer transfer = Transfer::start(context, source_of(context, pair, length, connection),
                                          to->sink(), {.mechanism = GetParam().mechanism});
      drive(context, transfer, default_step_limit,
            [](const Step& step) { return step.delivered == 40'000; });
      kill_and_reap(child);
      EXPECT_EQ(drive(context, transfer).trouble, "");
      receipt = transfer.receipt();
    }
    EXPECT_EQ(receipt.delivered, 40'000u) << describe(receipt);
    const bool bounded = promised || GetParam().to == EndKind::memory;
    if (promised) {
      EXPECT_EQ(receipt.ending, Ending::source_shrank) << describe(receipt);
    } else if (!bounded) {
      EXPECT_EQ(receipt.ending, Ending::end_of_source) << describe(receipt);
    }
    EXPECT_EQ(receipt.stranded, 0u);
    EXPECT_EQ(to->examine(receipt.delivered), "") << describe(receipt);
  }
}

std::vector<FittingPair> pairs_from_streams() {
  std::vector<FittingPair> pairs;
  for (const FittingPair& pair : fitting_pairs())
    if (is_stream(pair.from)) pairs.push_back(pair);
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(every_fitting_pair, KilledSender,
                         ::testing::ValuesIn(pairs_from_streams()),
                         [](const auto& each) { return name_of(each.param); });

// A transfer that owns its TCP sink and dies with its process resets the connection.
TEST(KilledTransfer, is_not_mistaken_for_a_whole_stream) {
  constexpr std::uint64_t size = 64u << 20;
  LEAT_SKIP_IF_OVER_BOUND(size);
  const Watchdog watchdog;
  Pair pair = make_tcp_pair(Blocking::yes);
  const pid_t child = doomed_child(pair, [](OwnedFd to) {
    const auto bytes = pattern(9, 0, size);
    transfer(Source(std::span<const std::byte>(bytes)), Sink::socket(std::move(to)));
    for (;;) ::pause();
  });
  std::vector<std::byte> first(10'000);
  const Receipt begun =
      transfer(Source::socket(pair.from.ref(), first.size()), Sink(std::span(first)));
  EXPECT_TRUE(begun.ok()) << describe(begun);
  StreamCheck check(9);
  check.add(first);
  EXPECT_EQ(check.mismatch(), "");
  kill_and_reap(child);
  std::vector<std::byte> rest(size);
  const Receipt receipt = transfer(Source::socket(pair.from.ref()), Sink(std::span(rest)));
  EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(ECONNRESET)) << describe(receipt);
}

}  // namespace
}  // namespace leat::testing
