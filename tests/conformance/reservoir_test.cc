// Goal: a reservoir between transfers: one stream to several sinks of every kind, each whole, as
// fast as the slowest; who leaves early harms nobody else; no driver spins. Method: one poll(2)
// loop over the feeder, the reservoir and a transfer for each tap, each waiting as its Wait says.

#include <poll.h>

#include <algorithm>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <leat/reservoir.h>

#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 3;
constexpr std::uint64_t size = (8 << 20) + 4097;

/// Everybody who is stepped in one loop. A transfer that has ended is destroyed at once.
class Loop {
 public:
  Loop(Context& context, Reservoir& reservoir) : context_(context), reservoir_(&reservoir) {}

  void add(std::string name, Transfer transfer) {
    members_.push_back({.name = std::move(name), .transfer = std::move(transfer)});
  }

  void run() {
    while (!reservoir_ended_ || std::ranges::any_of(members_, &Member::going)) {
      bool anybody = false;
      if (!reservoir_ended_ && reservoir_due_) anybody = step_reservoir();
      for (Member& member : members_) {
        if (member.going() && member.due) anybody = step(member) || anybody;
      }
      if (!anybody) wait();
    }
  }

  const Receipt& receipt_of(const std::string& name) const {
    return std::ranges::find(members_, name, &Member::name)->receipt;
  }
  std::uint64_t steps() const { return steps_; }
  std::uint64_t idle_steps() const { return idle_; }

 private:
  struct Member {
    std::string name;
    std::optional<Transfer> transfer;
    Receipt receipt{};
    Step last{};
    bool due = true;
    bool going() const { return transfer.has_value(); }
  };

  bool step_reservoir() {
    const Step before = reservoir_step_;
    reservoir_step_ = reservoir_->step();
    count(before, reservoir_step_);
    reservoir_due_ = reservoir_step_.state == State::progress;
    reservoir_ended_ =
        reservoir_step_.state == State::done || reservoir_step_.state == State::failed;
    return true;
  }

  bool step(Member& member) {
    const Step before = member.last;
    member.last = member.transfer->step();
    count(before, member.last);
    member.due = member.last.state == State::progress;
    if (member.last.state == State::done || member.last.state == State::failed) {
      member.receipt = member.transfer->receipt();
      member.transfer.reset();
    }
    return true;
  }

  void count(const Step& before, const Step& now) {
    ++steps_;
    if (now.state == State::blocked && before.taken == now.taken &&
        before.delivered == now.delivered)
      ++idle_;
  }

  void wait() {
    std::vector<pollfd> entries;
    std::vector<bool*> whose;
    int timeout_ms = -1;
    const auto add = [&](const Step& step, bool& due) {
      for (const WaitFd& one : step.wait.fds()) {
        entries.push_back({.fd = one.fd.number(), .events = one.events, .revents = 0});
        whose.push_back(&due);
      }
      if (!step.wait.wake_at) return;
      due = true;  // soon
      timeout_ms = 10;
    };
    if (!reservoir_ended_) add(reservoir_step_, reservoir_due_);
    for (Member& member : members_) {
      if (member.going()) add(member.last, member.due);
    }
    ASSERT_FALSE(entries.empty() && timeout_ms < 0) << "nobody waits for anything";
    ASSERT_GE(::poll(entries.data(), entries.size(), timeout_ms), 0);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].revents != 0) *whose[i] = true;
    }
  }

  Context& context_;
  Reservoir* reservoir_;
  Step reservoir_step_{};
  bool reservoir_due_ = true;
  bool reservoir_ended_ = false;
  std::vector<Member> members_;
  std::uint64_t steps_ = 0;
  std::uint64_t idle_ = 0;
};

class ReservoirConformance : public GuardedTest {
 protected:
  void build(std::size_t taps) {
    auto made = Reservoir::create(context_, taps, {.pipe_bytes = 64 << 10});
    ASSERT_TRUE(made) << made.error().message();
    reservoir_ = std::make_unique<Reservoir>(std::move(*made));
    loop_ = std::make_unique<Loop>(context_, *reservoir_);
  }

  void feed(Source source) {
    loop_->add("feeder", Transfer::start(context_, std::move(source), reservoir_->inlet(),
                                         {.at_end = AtEnd::close}));
  }

  void take(std::size_t tap, Sink sink) {
    loop_->add(std::to_string(tap), Transfer::start(context_, reservoir_->tap(tap), std::move(sink),
                                                    {.at_end = AtEnd::close}));
  }

  void expect_whole(std::size_t tap, Drainer& drainer) {
    SCOPED_TRACE("tap " + std::to_string(tap));
    const Receipt& receipt = loop_->receipt_of(std::to_string(tap));
    EXPECT_EQ(receipt.ending, Ending::end_of_source) << describe(receipt);
    EXPECT_EQ(receipt.delivered, size);
    EXPECT_TRUE(moved_by_alone(receipt, *Mechanism::named("splice"))) << describe(receipt);
    const Drainer::Result& result = drainer.finish();
    EXPECT_EQ(result.check.digest(), pattern_digest(seed, 0, size)) << result.check.mismatch();
  }

  Context context_ = make_context();
  OwnedFd file_ = pattern_file(seed, size);
  std::unique_ptr<Reservoir> reservoir_;
  std::unique_ptr<Loop> loop_;
};

TEST_F(ReservoirConformance, a_file_to_two_sockets) {
  build(2);
  Pair tcp = make_tcp_pair();
  Pair local = make_unix_pair();
  Drainer one(std::move(tcp.from), {.seed = seed});
  Drainer other(std::move(local.from), {.seed = seed});
  feed(Source::file(file_.ref()));
  take(0, Sink::socket(std::move(tcp.to)));
  take(1, Sink::socket(std::move(local.to)));
  loop_->run();
  EXPECT_EQ(loop_->receipt_of("feeder").ending, Ending::complete);
  expect_whole(0, one);
  expect_whole(1, other);
  EXPECT_EQ(reservoir_->given(0), size);
  EXPECT_LT(loop_->idle_steps() * 2, loop_->steps()) << "it spins";
}

TEST_F(ReservoirConformance, a_socket_to_a_socket_a_pipe_and_a_file) {
  build(3);
  Pair from = make_tcp_pair();
  Pair tcp = make_tcp_pair();
  Pair pipe = make_pipe_pair();
  const OwnedFd copy = file_with({});
  const Feeder feeder(std::move(from.to), seed, 0, size);
  Drainer one(std::move(tcp.from), {.seed = seed});
  Drainer other(std::move(pipe.from), {.seed = seed});
  feed(Source::socket(std::move(from.from)));
  take(0, Sink::socket(std::move(tcp.to)));
  take(1, Sink::pipe(std::move(pipe.to)));
  take(2, Sink::file(duplicate(copy)));
  loop_->run();
  EXPECT_EQ(loop_->receipt_of("feeder").ending, Ending::end_of_source);
  expect_whole(0, one);
  expect_whole(1, other);
  EXPECT_EQ(loop_->receipt_of("2").delivered, size);
  EXPECT_EQ(content_of(copy), pattern(seed, 0, size));
}

// One reads a little at a time, one closes early, and the third still gets every byte, as does the
// slow one.
TEST_F(ReservoirConformance, a_slow_sink_and_one_that_closes_early) {
  build(3);
  Pair slow = make_unix_pair();
  Pair leaver = make_tcp_pair();
  Pair whole = make_tcp_pair();
  shrink_buffers(slow.to);
  reset_on_close(leaver.from);
  Drainer slow_reader(std::move(slow.from), {.seed = seed, .chunk_bytes = 1021});
  Drainer early(std::move(leaver.from), {.seed = seed, .stop_after = 100'003});
  Drainer reader(std::move(whole.from), {.seed = seed});
  feed(Source::file(file_.ref()));
  take(0, Sink::socket(std::move(slow.to)));
  take(1, Sink::socket(std::move(leaver.to)));
  take(2, Sink::socket(std::move(whole.to)));
  loop_->run();
  expect_whole(0, slow_reader);
  expect_whole(2, reader);
  EXPECT_EQ(loop_->receipt_of("1").ending, Ending::failed) << describe(loop_->receipt_of("1"));
  EXPECT_LT(loop_->receipt_of("1").delivered, size);
  EXPECT_EQ(early.finish().check.mismatch(), "");
  EXPECT_EQ(reservoir_->dropped_taps(), 1u);
  EXPECT_LT(reservoir_->given(1), size);
  EXPECT_LT(loop_->idle_steps() * 2, loop_->steps()) << "it spins";
}

TEST_F(ReservoirConformance, when_all_have_left_the_feeder_ends_too) {
  build(2);
  Pair one = make_unix_pair();
  Pair other = make_unix_pair();
  Drainer early(std::move(one.from), {.seed = seed, .stop_after = 10'000});
  Drainer earlier(std::move(other.from), {.seed = seed, .stop_after = 1});
  feed(Source::file(file_.ref()));
  take(0, Sink::socket(std::move(one.to)));
  take(1, Sink::socket(std::move(other.to)));
  loop_->run();
  EXPECT_EQ(reservoir_->living_taps(), 0u);
  ASSERT_TRUE(reservoir_->error());
  EXPECT_TRUE(reservoir_->error()->is(EPIPE));
  const Receipt& feeder = loop_->receipt_of("feeder");
  EXPECT_EQ(feeder.ending, Ending::failed);
  ASSERT_TRUE(feeder.error);
  EXPECT_TRUE(feeder.error->is(EPIPE));
}

// A stream that breaks off: the inlet stays open until the feeder's transfer is destroyed, so the
// readers can be told before they see an end.
TEST_F(ReservoirConformance, a_feeder_that_failed_is_no_end_until_it_is_gone) {
  build(1);
  Pair from = make_tcp_pair();
  reset_on_close(from.to);
  std::vector<std::byte> room(100);
  Transfer feeder =
      Transfer::start(context_, Source::socket(std::move(from.from)), reservoir_->inlet());
  Transfer reader = Transfer::start(context_, reservoir_->tap(0), Sink(room));
  EXPECT_EQ(feeder.step().state, State::blocked);
  from.to.reset();
  drive(context_, feeder);
  EXPECT_EQ(feeder.receipt().ending, Ending::failed);
  EXPECT_EQ(reservoir_->step().state, State::blocked);
  EXPECT_EQ(reader.step().state, State::blocked);
  reader.cancel();
  EXPECT_EQ(reader.step().state, State::stopped);
  EXPECT_EQ(reader.receipt().ending, Ending::cancelled);
}

}  // namespace
}  // namespace leat::testing
