// Goal: plan() tells the whole truth about real endpoints, and moves nothing.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/plan.h>

#include "plan/needs.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class PlanTest : public GuardedTest {
 protected:
  OwnedFd file_ = pattern_file(1, 10'000);
  Pair tcp_ = make_tcp_pair();

  Source source() { return Source::file(file_.ref()); }
  Sink sink() { return Sink::socket(tcp_.to.ref()); }
  static const Candidate* candidate(const Plan& plan, std::string_view name) {
    for (const Candidate& each : plan.candidates) {
      if (each.mechanism.name() == name) return &each;
    }
    return nullptr;
  }
};

TEST_F(PlanTest, names_every_mechanism_the_fitting_ones_first) {
  const Plan plan = leat::plan(source(), sink());
  ASSERT_EQ(plan.candidates.size(), Mechanism::count());
  EXPECT_EQ(plan.chosen().name(), "sendfile");
  EXPECT_TRUE(plan.candidates[0].chosen);
  bool fits = true;
  for (const Candidate& each : plan.candidates) {
    EXPECT_FALSE(each.reason.empty()) << each.mechanism.name();
    EXPECT_TRUE(fits || !each.fits) << "a misfit stands before " << each.mechanism.name();
    fits = each.fits;
    EXPECT_EQ(each.chosen, &each == &plan.candidates[0]);
  }
  EXPECT_EQ(candidate(plan, "sendfile")->cpu_copies, 0u);
  EXPECT_EQ(candidate(plan, "read_write")->cpu_copies, 2u);
  EXPECT_EQ(candidate(plan, "copy_file_range")->cpu_copies, std::nullopt) << "it does not fit";
}

TEST_F(PlanTest, moves_nothing) {
  const ScopedFaults faults;
  leat::plan(source(), sink());
  for (const auto& [call, count] : faults.all_seen()) EXPECT_FALSE(moves_bytes(call)) << call;
  EXPECT_EQ(cursor_of(file_), 0);
}

TEST_F(PlanTest, is_what_the_transfer_does) {
  const Mechanism chosen = leat::plan(source(), sink()).chosen();
  const Receipt receipt = transfer(source(), sink());
  EXPECT_TRUE(moved_by_alone(receipt, chosen)) << describe(receipt);
}

// One that is owned becomes non-blocking; on one that is lent only an unbounded call may wait.
TEST_F(PlanTest, knows_that_a_connection_may_be_lent_memory) {
  auto context = Context::create();
  auto pages = Buffer::pages(10'000);
  ASSERT_TRUE(context && pages);
  const Source memory(std::move(*pages).freeze());
  EXPECT_FALSE(candidate(leat::plan(memory, sink()), "zerocopy_send")->fits);
  auto connection = Connection::adopt(*context, std::move(tcp_.to));
  ASSERT_TRUE(connection) << connection.error().message();
  const Plan plan = leat::plan(memory, Sink(*connection));
  const Candidate* lending = candidate(plan, "zerocopy_send");
  EXPECT_TRUE(lending->fits) << lending->reason;
}

TEST_F(PlanTest, knows_what_becomes_of_a_blocking_sink) {
  struct Row {
    Kind kind;
    bool owned;
    bool bounded;
    bool copied;
  };
  for (const Row& row :
       {Row{Kind::socket, true, false, false}, Row{Kind::socket, true, true, false},
        Row{Kind::socket, false, false, false}, Row{Kind::socket, false, true, true},
        Row{Kind::pipe, true, false, false}, Row{Kind::pipe, true, true, false},
        Row{Kind::pipe, false, false, false}, Row{Kind::pipe, false, true, false}}) {
    SCOPED_TRACE(std::string(name_of(row.kind)) + (row.owned ? " owned" : " lent") +
                 (row.bounded ? " bounded" : ""));
    Pair pair =
        row.kind == Kind::pipe ? make_pipe_pair(Blocking::yes) : make_tcp_pair(Blocking::yes);
    Sink sink = row.kind == Kind::pipe
                    ? (row.owned ? Sink::pipe(std::move(pair.to)) : Sink::pipe(pair.to.ref()))
                    : (row.owned ? Sink::socket(std::move(pair.to)) : Sink::socket(pair.to.ref()));
    Options options;
    if (row.bounded) options.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
    const Mechanism chosen = leat::plan(source(), sink, options).chosen();
    EXPECT_EQ(chosen.name() == "read_write", row.copied) << chosen.name();
    const Receipt receipt = transfer(source(), std::move(sink), options);
    EXPECT_TRUE(receipt.ok());
    EXPECT_TRUE(moved_by_alone(receipt, chosen)) << chosen.name() << ": " << describe(receipt);
  }
}

TEST_F(PlanTest, knows_what_becomes_of_a_blocking_source) {
  for (const bool owned : {true, false})
    for (const bool bounded : {true, false}) {
      SCOPED_TRACE(std::string(owned ? "owned" : "lent") + (bounded ? " bounded" : ""));
      Pair pair = make_unix_pair(Blocking::yes);
      const Feeder feeder(std::move(pair.to), 1, 0, 10'000);
      const OwnedFd copy = file_with({});
      Source source =
          owned ? Source::socket(std::move(pair.from)) : Source::socket(pair.from.ref());
      Options options;
      if (bounded) options.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
      const Mechanism chosen = leat::plan(source, Sink::file(copy.ref()), options).chosen();
      EXPECT_EQ(chosen.name(), bounded && !owned ? "read_write" : "splice");
      const Receipt receipt = transfer(std::move(source), Sink::file(copy.ref()), options);
      EXPECT_TRUE(moved_by_alone(receipt, chosen)) << chosen.name() << ": " << describe(receipt);
      EXPECT_EQ(content_of(copy), pattern(1, 0, 10'000));
    }
}

TEST_F(PlanTest, of_what_cannot_be_asked_is_empty) {
  EXPECT_TRUE(leat::plan(Source::file(FdRef()), sink()).candidates.empty());
  EXPECT_TRUE(leat::plan(source(), Sink::socket(FdRef())).candidates.empty());
  EXPECT_FALSE(Plan().chosen());
}

TEST_F(PlanTest, follows_the_options) {
  const Plan forced = leat::plan(source(), sink(), {.mechanism = *Mechanism::named("splice")});
  EXPECT_EQ(forced.chosen().name(), "splice");
  EXPECT_TRUE(candidate(forced, "sendfile")->reason.contains("forced"));
  const Plan forbidden = leat::plan(source(), sink(), {.copies = Copies::forbid});
  EXPECT_EQ(forbidden.chosen().name(), "sendfile") << "loopback takes pages";
  EXPECT_FALSE(candidate(forbidden, "read_write")->fits);
  EXPECT_FALSE(
      leat::plan(Source(std::string_view("x")), sink(), {.copies = Copies::forbid}).chosen());
}

TEST_F(PlanTest, of_parts_is_that_of_the_first_that_is_not_empty) {
  EXPECT_EQ(leat::plan(parts(Source(), source()), sink()).chosen().name(), "sendfile");
  EXPECT_EQ(leat::plan(parts(std::string_view("header"), source()), sink()).chosen().name(),
            "read_write");
  EXPECT_EQ(leat::plan(parts(source(), std::string_view("trailer")), sink()).chosen().name(),
            "splice")
      << "Nagle's algorithm is on, and sendfile cannot say that more follows";
  const int on = 1;
  ASSERT_EQ(::setsockopt(tcp_.to.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  EXPECT_EQ(leat::plan(parts(source(), std::string_view("trailer")), sink()).chosen().name(),
            "sendfile");
}

TEST_F(PlanTest, asks_the_network_device_only_where_copies_are_forbidden) {
  {
    const ScopedFaults faults;
    const Needs needs = needs_of({}, sink(), Costs::shipped());
    EXPECT_FALSE(needs.copies_forbidden);
    EXPECT_TRUE(faults.all_seen().empty());
  }
  const Needs needs = needs_of({.copies = Copies::forbid}, sink(), Costs::shipped());
  EXPECT_EQ(needs.pages_are_taken, true);
  const ScopedFaults faults({{.call = "ioctl", .error_number = EOPNOTSUPP}});
  EXPECT_EQ(needs_of({.copies = Copies::forbid}, sink(), Costs::shipped()).pages_are_taken,
            std::nullopt);
}

}  // namespace
}  // namespace leat::testing
