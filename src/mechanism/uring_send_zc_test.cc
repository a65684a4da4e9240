// Goal: uring_send_zc meets its pitfalls: 22, 25, 27 to 31. Method: whole transfers of slices over
// loopback, where the kernel copies after all and says so, and a pump stepped by hand.

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/transfer.h>

#include "os/wait.h"
#include "support/drive.h"
#include "support/filter.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/pump_bench.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using MoveOutcome = Moved::Outcome;

constexpr std::uint64_t seed = 37;
constexpr std::uint64_t size = (8u << 20) + 3;

Mechanism mechanism_at_test() { return *Mechanism::named("uring_send_zc"); }

class UringSendZcTest : public GuardedTest {
 protected:
  void SetUp() override {
    const auto missing = mechanism_at_test().unavailable();
    if (!missing.empty()) GTEST_SKIP() << "no zero-copy send here: " << missing;
  }
  static void wait_until_all_is_back(Context& context) {
    while (context.counters().operations > 0) {
      wait_for(context.fd(), POLLIN);
      context.poll();
    }
    EXPECT_EQ(context.counters().lent_bytes, 0u);
  }
  static Connection adopt(Context& context, OwnedFd socket) {
    auto connection = Connection::adopt(context, std::move(socket));
    EXPECT_TRUE(connection) << connection.error().message();
    return std::move(*connection);
  }

  const Options forced_{.mechanism = mechanism_at_test()};
};

TEST_F(UringSendZcTest, says_why_it_does_not_fit) {
  const SourceFacts slice{.kind = Kind::memory, .tenure = MemoryTenure::shared};
  const SinkFacts tcp{.kind = Kind::socket, .tcp = true};
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    std::string_view reason;  // a part of it; empty: it fits
  };
  const std::array rows{
      Row{slice, tcp, ""},
      Row{{.kind = Kind::memory, .tenure = MemoryTenure::never_reused}, tcp, ""},
      Row{slice, {.kind = Kind::socket, .tcp = true, .waiting = Waiting::flagged}, ""},
      Row{{.kind = Kind::memory}, tcp, "borrowed memory"},
      Row{{.kind = Kind::file}, tcp, "not memory"},
      Row{slice, {.kind = Kind::socket}, "not a TCP socket"},
      Row{slice, {.kind = Kind::pipe}, "not a TCP socket"},
  };
  for (const Row& row : rows) {
    const Fit fit = fit_of("uring_send_zc", row.source, row.sink);
    EXPECT_EQ(fit.fits, row.reason.empty()) << fit.reason;
    EXPECT_NE(fit.reason.find(row.reason), std::string_view::npos) << fit.reason;
  }
}

TEST_F(UringSendZcTest, loopback_is_reported_as_copied) {
  Pair tcp = make_tcp_pair();
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = seed});
  Context context = make_context();
  {
    Connection connection = adopt(context, std::move(tcp.to));
    Receipt receipt = transfer(context, pattern_slice(seed, 0, size), connection, forced_);
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
    EXPECT_TRUE(connection.settle(receipt, steady_clock::now() + seconds(20)));
    ASSERT_EQ(receipt.legs.size(), 1u) << describe(receipt);
    EXPECT_EQ(receipt.legs[0].known_by, KnownBy::kernel);
    EXPECT_EQ(receipt.legs[0].cpu_copied_bytes, size);
    EXPECT_EQ(context.counters().lent_bytes, 0u);
  }
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), size);
}

// Notifications come through the ring: no Connection is needed, and MSG_DONTWAIT serves a socket
// that blocks, whose flags stay as they are.
TEST_F(UringSendZcTest, any_tcp_socket_will_do) {
  for (const Blocking blocking : {Blocking::no, Blocking::yes}) {
    for (const bool owned : {false, true}) {
      Pair tcp = make_tcp_pair(blocking);
      set_blocking(tcp.from, Blocking::yes);
      Drainer drainer(std::move(tcp.from), {.seed = seed});
      Context context = make_context();
      const FdRef lent = tcp.to;
      const std::string before = demeanour(lent);
      Sink sink = owned ? Sink::socket(std::move(tcp.to)) : Sink::socket(lent);
      Options options = forced_;
      options.at_end = AtEnd::shutdown_write;
      const Receipt receipt =
          transfer(context, pattern_slice(seed, 0, size), std::move(sink), options);
      EXPECT_TRUE(receipt.ok()) << describe(receipt);
      EXPECT_TRUE(moved_by_alone(receipt, mechanism_at_test())) << describe(receipt);
      if (!owned) {
        EXPECT_EQ(demeanour(lent), before);
      }
      EXPECT_EQ(drainer.finish().check.mismatch(), "");
      EXPECT_EQ(drainer.finish().check.count(), size);
      wait_until_all_is_back(context);
    }
  }
}

// Small buffers cut the sends in the middle of pieces; the bytes stay in order all the same.
TEST_F(UringSendZcTest, pieces_go_out_in_order_whatever_is_taken) {
  Pair tcp = make_tcp_pair();
  shrink_buffers(tcp.to);
  shrink_buffers(tcp.from);
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = seed, .chunk_bytes = 10'000});
  Context context = make_context();
  Chain chain;
  std::uint64_t position = 0;
  for (const std::uint64_t length : {1u, 4095u, 4097u, 65'537u, 3u, 300'000u, 2u, 70'001u}) {
    chain.append(pattern_slice(seed, position, length));
    position += length;
  }
  Transfer transfer = Transfer::start(context, chain, Sink::socket(tcp.to.ref()), forced_);
  const Drive driven = drive(context, transfer);
  const Receipt receipt = transfer.receipt();
  EXPECT_EQ(driven.trouble, "");
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_TRUE(moved_by_alone(receipt, mechanism_at_test())) << describe(receipt);
  tcp.to.reset();
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), position);
  wait_until_all_is_back(context);
}

// The steps are of other sizes than the sends that they count.
TEST_F(UringSendZcTest, steps_of_any_limit) {
  Pair tcp = make_tcp_pair();
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = seed});
  Context context = make_context();
  Transfer transfer =
      Transfer::start(context, pattern_slice(seed, 0, size), Sink::socket(tcp.to.ref()), forced_);
  std::uint64_t before = 0;
  Step step;
  for (std::uint64_t round = 0; step.state != State::done; ++round) {
    const std::uint64_t limit = round % 3 == 0 ? 1'000'000 : 99'999;
    step = transfer.step(limit);
    ASSERT_NE(step.state, State::failed) << describe(transfer.receipt());
    EXPECT_LE(step.delivered - before, limit);
    before = step.delivered;
    if (step.state == State::blocked) {
      ASSERT_EQ(wait_as_told(context, step.wait), "");
    }
  }
  EXPECT_EQ(step.delivered, size);
  tcp.to.reset();
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), size);
}

// Fills the socket of a peer that does not read. Returns what was delivered until then.
std::uint64_t fill(Context& context, Transfer& transfer) {
  for (;;) {
    const Step step = transfer.step();
    if (step.state != State::blocked) continue;
    if (step.wait.fds()[0].role == WaitFd::Role::sink) return step.delivered;
    EXPECT_EQ(wait_as_told(context, step.wait), "");
  }
}

TEST_F(UringSendZcTest, the_next_send_does_not_wait_for_the_notification) {
  const Pair tcp = make_tcp_pair();
  Context context = make_context();
  Transfer transfer = Transfer::start(context, pattern_slice(seed, 0, 64u << 20),
                                      Sink::socket(tcp.to.ref()), forced_);
  const std::uint64_t delivered = fill(context, transfer);
  EXPECT_GE(context.counters().operations, 2u);
  EXPECT_GT(context.counters().lent_bytes, 0u);
  EXPECT_LE(context.counters().lent_bytes, delivered);
  EXPECT_EQ(transfer.receipt().legs[0].known_by, KnownBy::pending);
}

// The memory outlives the transfer, its slice and the socket, until the peer has it.
TEST_F(UringSendZcTest, destroyed_at_any_moment) {
  for (const bool before_the_answer : {true, false}) {
    Pair tcp = make_tcp_pair();
    Context context = make_context();
    bool released = false;
    {
      const auto memory = std::make_shared<std::vector<std::byte>>(pattern(seed, 0, 32u << 20));
      Transfer transfer = Transfer::start(context,
                                          Slice::adopt(std::span<const std::byte>(*memory),
                                                       [memory, &released] { released = true; }),
                                          Sink::socket(std::move(tcp.to)), forced_);
      transfer.step();
      if (!before_the_answer) fill(context, transfer);
      EXPECT_FALSE(released);
    }
    EXPECT_GT(context.counters().operations, 0u);
    set_blocking(tcp.from, Blocking::yes);
    // It is a reset, as the transfer was cut off; what came before it is right.
    EXPECT_EQ(read_rest(tcp.from, seed, 0).mismatch(), "");
    wait_until_all_is_back(context);
    EXPECT_TRUE(released);
  }
}

TEST_F(UringSendZcTest, a_context_destroyed_with_memory_lent) {
  Pair tcp = make_tcp_pair();
  {
    Context context = make_context();
    Transfer transfer = Transfer::start(context, pattern_slice(seed, 0, 32u << 20),
                                        Sink::socket(tcp.to.ref()), forced_);
    fill(context, transfer);
  }
  // Its pages were unmapped while the kernel still had them: what arrives is right all the same.
  tcp.to.reset();
  set_blocking(tcp.from, Blocking::yes);
  const StreamCheck rest = read_rest(tcp.from, seed, 0);
  EXPECT_EQ(rest.mismatch(), "");
  EXPECT_GT(rest.count(), 0u);
}

// What a stopped transfer says it delivered is what the peer gets.
TEST_F(UringSendZcTest, stopped_with_a_send_in_flight) {
  enum class By : std::uint8_t { cancel, deadline, token };
  for (const By by : {By::cancel, By::deadline, By::token}) {
    Pair tcp = make_tcp_pair();
    Context context = make_context();
    std::stop_source stop;
    Options options = forced_;
    if (by == By::token) options.stop = stop.get_token();
    Transfer transfer =
        Transfer::start(context, pattern_slice(seed, 0, size), Sink::socket(tcp.to.ref()), options);
    Step step = transfer.step();
    ASSERT_EQ(step.state, State::blocked);
    EXPECT_EQ(step.delivered, 0u) << "its answer has not been reaped";
    if (by == By::cancel) transfer.cancel();
    if (by == By::token) stop.request_stop();
    if (by == By::deadline) {
      // A transfer that is stopped takes a new deadline, which has passed.
      transfer.cancel();
      while (step.state != State::stopped) {
        step = transfer.step();
        if (step.state == State::blocked) wait_as_told(context, step.wait);
      }
      transfer.resume({.deadline = steady_clock::now() - seconds(1)});
    }
    const Drive driven = drive(context, transfer);
    EXPECT_EQ(driven.last.state, State::stopped);
    EXPECT_GT(driven.last.delivered, 0u) << "the send was made";
    EXPECT_EQ(transfer.receipt().delivered, driven.last.delivered);
    tcp.to.reset();
    set_blocking(tcp.from, Blocking::yes);
    const StreamCheck got = read_rest(tcp.from, seed, 0);
    EXPECT_EQ(got.mismatch(), "");
    EXPECT_EQ(got.count(), driven.last.delivered);
    wait_until_all_is_back(context);
  }
}

TEST_F(UringSendZcTest, goes_on_after_a_stop) {
  Pair tcp = make_tcp_pair();
  Context context = make_context();
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = seed});
  Transfer transfer =
      Transfer::start(context, pattern_slice(seed, 0, size), Sink::socket(tcp.to.ref()), forced_);
  for (int stops = 0; stops < 5; ++stops) {
    transfer.step(100'000);
    transfer.cancel();
    EXPECT_EQ(drive(context, transfer).last.state, State::stopped);
    transfer.resume({});
  }
  EXPECT_EQ(drive(context, transfer).last.state, State::done);
  tcp.to.reset();
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), size);
}

TEST_F(UringSendZcTest, a_peer_that_is_gone) {
  Pair tcp = make_tcp_pair();
  Context context = make_context();
  Transfer transfer = Transfer::start(context, pattern_slice(seed, 0, 64u << 20),
                                      Sink::socket(tcp.to.ref()), forced_);
  fill(context, transfer);
  reset_on_close(tcp.from);
  tcp.from.reset();
  drive(context, transfer);
  const Receipt receipt = transfer.receipt();
  ASSERT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  EXPECT_TRUE(receipt.error->is(ECONNRESET) || receipt.error->is(EPIPE)) << describe(receipt);
  wait_until_all_is_back(context);
}

TEST_F(UringSendZcTest, forbidding_copies_ends_it_at_the_first_one) {
  Pair tcp = make_tcp_pair();
  Context context = make_context();
  Options options = forced_;
  options.copies = Copies::forbid;
  Transfer transfer =
      Transfer::start(context, pattern_slice(seed, 0, 1000), Sink::socket(tcp.to.ref()), options);
  const Drive driven = drive(context, transfer);
  EXPECT_EQ(driven.trouble, "");
  const Receipt receipt = transfer.receipt();
  ASSERT_EQ(receipt.ending, Ending::failed) << describe(receipt);
  EXPECT_TRUE(receipt.error->is(Errc::copied_after_all)) << describe(receipt);
}

TEST_F(UringSendZcTest, the_budget_is_kept) {
  constexpr std::uint64_t budget = 100'000;
  Context context = make_context({.lent_budget_bytes = budget});
  Pair tcp = make_tcp_pair();
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = seed, .chunk_bytes = 50'000});
  Transfer transfer =
      Transfer::start(context, pattern_slice(seed, 0, size), Sink::socket(tcp.to.ref()), forced_);
  const Drive driven = drive(context, transfer, 60'000, [&](const Step&) {
    EXPECT_LE(context.counters().lent_bytes, budget);
    return false;
  });
  EXPECT_EQ(driven.trouble, "");
  EXPECT_EQ(driven.last.state, State::done) << describe(transfer.receipt());
  tcp.to.reset();
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), size);
}

// One pump, one slice, a socket whose peer does not read.
struct Bench {
  explicit Bench(std::uint64_t bytes = 100'000)
      : tcp(make_tcp_pair()),
        source(pattern_slice(seed, 0, bytes)),
        sink(Sink::socket(tcp.to.ref())),
        pump("uring_send_zc", source, sink) {}

  Moved step(std::uint64_t bytes = 1000) { return pump.step(bytes); }
  void reap() {
    wait_for(pump.wakeups, POLLIN);
    os::drain_eventfd(pump.wakeups);
    pump.ring.reap();
  }
  Moved step_to_answer(std::uint64_t bytes = 1000) {
    Moved moved = step(bytes);
    while (moved.outcome == MoveOutcome::wait_ring && !moved.for_room) {
      reap();
      moved = step(bytes);
    }
    return moved;
  }

  Pair tcp;
  Source source;
  Sink sink;
  PumpBench pump;
};

TEST_F(UringSendZcTest, one_send_at_a_time) {
  Bench bench;
  const Moved first = bench.step();
  EXPECT_EQ(first.outcome, MoveOutcome::wait_ring);
  EXPECT_EQ(first.calls, 1u);
  EXPECT_EQ(first.delivered, 0u);
  EXPECT_FALSE(bench.pump.slot.get()->runnable());
  const Moved again = bench.step();
  EXPECT_EQ(again.outcome, MoveOutcome::wait_ring);
  EXPECT_EQ(again.calls, 0u) << "two sends in flight would interleave";
  bench.reap();
  EXPECT_TRUE(bench.pump.slot.get()->runnable());
  EXPECT_EQ(bench.step().delivered, 1000u);
}

TEST_F(UringSendZcTest, says_what_was_held_back) {
  Bench bench;
  EXPECT_EQ(bench.pump.step(1000, true).outcome, MoveOutcome::wait_ring);
  bench.reap();
  // It goes on in another step, which may count less than was sent.
  const Moved half = bench.pump.step(600, true);
  EXPECT_EQ(half.delivered, 600u);
  EXPECT_FALSE(half.held_back);
  const Moved rest = bench.pump.step(600, true);
  EXPECT_EQ(rest.delivered, 400u);
  EXPECT_TRUE(rest.held_back);
}

struct SubmitRow {
  int error_number;
  MoveOutcome outcome;
};

TEST_F(UringSendZcTest, errnos_of_the_submit) {
  for (const SubmitRow& row :
       {SubmitRow{EAGAIN, MoveOutcome::progress}, SubmitRow{EBUSY, MoveOutcome::progress},
        SubmitRow{EINTR, MoveOutcome::wait_ring}, SubmitRow{ENOMEM, MoveOutcome::refused},
        SubmitRow{EEXIST, MoveOutcome::refused}, SubmitRow{EPERM, MoveOutcome::refused},
        SubmitRow{ENOSYS, MoveOutcome::refused}, SubmitRow{EINVAL, MoveOutcome::refused}}) {
    SCOPED_TRACE(row.error_number);
    Bench bench;
    {
      const ScopedFaults faults({{.call = "io_uring_submit", .error_number = row.error_number}});
      const Moved moved = bench.step();
      EXPECT_EQ(moved.outcome, row.outcome);
      EXPECT_EQ(moved.delivered, 0u);
      if (row.outcome == MoveOutcome::refused) {
        EXPECT_EQ(moved.error_number, row.error_number);
      }
    }
    if (row.outcome != MoveOutcome::wait_ring) {
      EXPECT_EQ(bench.pump.lent.lent, 0u) << "the kernel never had it";
      EXPECT_EQ(bench.pump.ring.in_flight(), 0u);
    }
    if (row.outcome == MoveOutcome::refused) continue;
    EXPECT_EQ(bench.step_to_answer().delivered, 1000u);
  }
}

TEST_F(UringSendZcTest, without_a_ring_it_refuses) {
  for (const int error_number : {EPERM, ENOSYS, ENOMEM, EMFILE, EAGAIN}) {
    Bench bench;
    const ScopedFaults faults(
        {{.call = "io_uring_queue_init_params", .error_number = error_number}});
    const Moved moved = bench.step();
    EXPECT_EQ(moved.outcome, MoveOutcome::refused);
    EXPECT_EQ(moved.error_number, error_number);
    EXPECT_EQ(moved.operation.substr(0, 14), "io_uring_setup");
    EXPECT_EQ(bench.pump.lent.lent, 0u);
  }
}

TEST_F(UringSendZcTest, a_full_socket_waits_for_the_sink) {
  Bench bench(32u << 20);
  std::uint64_t delivered = 0;
  Moved moved = bench.step_to_answer(1 << 20);
  for (; moved.outcome == MoveOutcome::progress; moved = bench.step_to_answer(1 << 20))
    delivered += moved.delivered;
  EXPECT_EQ(moved.outcome, MoveOutcome::wait_sink);
  EXPECT_GT(delivered, 0u);
  EXPECT_EQ(bench.pump.lent.lent, bench.pump.lent.on_ring);
}

// Memory that is lent elsewhere does not come back through the ring.
TEST_F(UringSendZcTest, a_used_up_budget) {
  Bench bench;
  bench.pump.lent.lent = bench.pump.lent.limit;
  const Moved moved = bench.step();
  EXPECT_EQ(moved.outcome, MoveOutcome::refused);
  EXPECT_EQ(moved.error_number, ENOBUFS);
  EXPECT_NE(moved.operation.find("lent_budget_bytes"), std::string_view::npos);
  bench.pump.lent.on_ring = 10;
  EXPECT_EQ(bench.step().outcome, MoveOutcome::wait_ring);
  EXPECT_TRUE(bench.step().for_room) << "nothing of its own is in flight";
  bench.pump.lent.lent = bench.pump.lent.on_ring = 0;
  EXPECT_EQ(bench.step_to_answer().delivered, 1000u);
}

// In a thread of its own, as a filter stays.
TEST_F(UringSendZcTest, a_filter_is_named) {
  if (const auto why = filters_unavailable(); !why.empty()) GTEST_SKIP() << why;
  on_own_thread([&] {
    refuse_calls({"io_uring_setup"}, EPERM);
    Context context = make_context();
    const Pair tcp = make_tcp_pair();
    Sink sink = Sink::socket(tcp.to.ref());
    const Receipt receipt =
        transfer(context, pattern_slice(seed, 0, 1000), std::move(sink), forced_);
    ASSERT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    EXPECT_EQ(receipt.error->operation, "io_uring_setup (denied by a seccomp filter)");
  });
}

TEST_F(UringSendZcTest, on_another_thread_only_if_movable) {
  for (const RingUse use : {RingUse::thread_bound, RingUse::movable}) {
    Context context = make_context({.ring = use});
    Pair tcp = make_tcp_pair();
    set_blocking(tcp.from, Blocking::yes);
    Drainer drainer(std::move(tcp.from), {.seed = seed});
    const auto send = [&](std::uint64_t position) {
      return transfer(context, pattern_slice(seed, position, 100'000), Sink::socket(tcp.to.ref()),
                      forced_);
    };
    EXPECT_TRUE(send(0).ok());
    wait_until_all_is_back(context);
    std::thread([&] {
      const Receipt receipt = send(100'000);
      EXPECT_EQ(receipt.ok(), use == RingUse::movable) << describe(receipt);
      if (use == RingUse::movable) return;
      ASSERT_TRUE(receipt.error);
      EXPECT_TRUE(receipt.error->is(EEXIST));
      EXPECT_EQ(receipt.delivered, 0u);
    }).join();
    tcp.to.reset();
    EXPECT_EQ(drainer.finish().check.mismatch(), "");
  }
}

// With limits and a user of its own; the status is what `body` returns.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    // Whoever may lock memory has no limit, and the account is a user's: one that nobody else is.
    const auto user = 100'000u + static_cast<uid_t>(::getpid());
    if (::setresuid(user, user, user) != 0) ::_exit(100);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Sends are accounted as locked memory: without any the first one is refused, by that name.
TEST_F(UringSendZcTest, without_locked_memory) {
  const int status = in_child([&] {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) return 101;
    Context context = make_context();
    const Pair tcp = make_tcp_pair();
    const Receipt receipt =
        transfer(context, pattern_slice(seed, 0, 100'000), Sink::socket(tcp.to.ref()), forced_);
    if (receipt.ending != Ending::failed || receipt.delivered != 0) return 1;
    if (!receipt.error->is(ENOMEM)) return 2;
    return receipt.error->operation.find("RLIMIT_MEMLOCK") == std::string_view::npos ? 3 : 0;
  });
  EXPECT_EQ(status, 0);
}

// 64 KiB are some sends at a time: those that are out make room for the next.
TEST_F(UringSendZcTest, with_little_locked_memory) {
  const int status = in_child([&] {
    const rlimit little{64 << 10, 64 << 10};
    if (::setrlimit(RLIMIT_MEMLOCK, &little) != 0) return 101;
    Context context = make_context();
    Pair tcp = make_tcp_pair();
    set_blocking(tcp.from, Blocking::yes);
    Drainer drainer(std::move(tcp.from), {.seed = seed});
    Transfer transfer =
        Transfer::start(context, pattern_slice(seed, 0, size), Sink::socket(tcp.to.ref()), forced_);
    const Drive driven = drive(context, transfer, 20'000);
    tcp.to.reset();
    if (driven.last.state != State::done) return 1;
    if (!drainer.finish().check.mismatch().empty()) return 2;
    return drainer.finish().check.count() == size ? 0 : 3;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(UringSendZcTest, without_a_descriptor_for_the_ring) {
  const int status = in_child([&] {
    Context context = make_context();
    const Pair tcp = make_tcp_pair();
    const rlimit none{3, 3};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 101;
    const Receipt receipt =
        transfer(context, pattern_slice(seed, 0, 100'000), Sink::socket(tcp.to.ref()), forced_);
    if (receipt.ending != Ending::failed || receipt.delivered != 0) return 1;
    return receipt.error->is(EMFILE) ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace leat::testing
