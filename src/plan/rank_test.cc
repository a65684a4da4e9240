// Goal: same facts, same ranking, and each choice for its reason. Method: tables of facts; no
// kernel.

#include "plan/rank.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "plan/plan.h"
#include "support/guards.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::array kinds = {Kind::file, Kind::socket, Kind::pipe, Kind::memory, Kind::device};

// Files are small ones: what their size changes has a test of its own.
SourceFacts source_of(Kind kind) {
  const bool is_file = kind == Kind::file;
  return {.kind = kind,
          .regular = is_file,
          .true_size = is_file,
          .promised = is_file ? small_file_bytes : to_end};
}
SinkFacts sink_of(Kind kind) {
  return {.kind = kind, .regular = kind == Kind::file, .tcp = kind == Kind::socket};
}

std::string names(const Ranking& ranking) {
  std::string text;
  for (std::size_t i = 0; i < ranking.count; ++i)
    text += (i ? " " : "") + std::string(ranking.order[i].name());
  return text;
}

std::uint32_t bit_of(std::string_view name) {
  for (std::size_t i = 0; i < Mechanism::count(); ++i) {
    if (Mechanism::at(i).name() == name) return 1u << i;
  }
  return 0;
}

struct Row {
  Kind source;
  Kind sink;
  std::string_view order;
};

class RankTest : public GuardedTest {};

TEST_F(RankTest, every_pair_of_kinds_has_its_order) {
  using enum Kind;
  constexpr std::array rows{
      Row{file, socket, "sendfile splice read_write mmap_write direct_io"},
      Row{file, pipe, "splice sendfile read_write mmap_write"},
      Row{file, file, "copy_file_range read_write splice mmap_write direct_io"},
      Row{file, memory, "read_write"},
      Row{file, device, "read_write"},
      Row{socket, socket, "splice read_write"},
      Row{socket, pipe, "splice read_write"},
      Row{socket, file, "splice read_write direct_io"},
      Row{socket, memory, "read_write"},
      Row{socket, device, "read_write"},
      Row{pipe, socket, "splice read_write"},
      Row{pipe, pipe, "splice read_write"},
      Row{pipe, file, "splice read_write"},
      Row{pipe, memory, "read_write"},
      Row{pipe, device, "read_write"},
      Row{memory, socket, "read_write gather"},
      Row{memory, pipe, "read_write gather"},
      Row{memory, file, "read_write gather"},
      Row{memory, memory, "read_write"},
      Row{memory, device, "read_write gather"},
      Row{device, socket, "read_write"},
      Row{device, pipe, "read_write"},
      Row{device, file, "read_write"},
      Row{device, memory, "read_write"},
      Row{device, device, "read_write"}};
  static_assert(rows.size() == kinds.size() * kinds.size());
  for (const Row& row : rows)
    EXPECT_EQ(names(rank(source_of(row.source), sink_of(row.sink), {})), row.order)
        << name_of(row.source) << " to " << name_of(row.sink);
}

TEST_F(RankTest, a_larger_file_goes_by_splice_first) {
  SourceFacts file = source_of(Kind::file);
  for (const std::uint64_t promised :
       {small_file_bytes + 1, small_copied_bytes + 1, std::uint64_t{1} << 40, to_end}) {
    file.promised = promised;
    const bool ends = promised != to_end;  // else what lies behind it could not be told
    EXPECT_EQ(
        names(rank(file, sink_of(Kind::socket), {})),
        ends ? "splice sendfile mmap_write read_write direct_io" : "splice sendfile read_write");
    const bool is_small = promised <= small_copied_bytes;
    EXPECT_EQ(names(rank(file, sink_of(Kind::file), {})),
              is_small ? "copy_file_range read_write splice mmap_write direct_io"
              : ends   ? "copy_file_range splice read_write mmap_write direct_io"
                       : "copy_file_range splice read_write");
  }
}

TEST_F(RankTest, a_cold_file_goes_to_a_socket_by_sendfile_first) {
  SourceFacts file = source_of(Kind::file);
  file.promised = std::uint64_t{64} << 20;
  for (const auto& [cached, order] :
       {std::pair{Cached::little, "sendfile splice read_write mmap_write direct_io"},
        std::pair{Cached::mostly, "splice sendfile mmap_write read_write direct_io"}}) {
    file.cached = cached;
    EXPECT_EQ(names(rank(file, sink_of(Kind::socket), {})), order);
  }
}

// By facts alone: the same device, blocks, and nothing that another mechanism would have to finish.
TEST_F(RankTest, extents_are_shared_first_where_they_can_be) {
  const Volume volume{.device = 1, .block_bytes = 4096, .type = 7, .shares_extents = true};
  SourceFacts file = source_of(Kind::file);
  SinkFacts sink = sink_of(Kind::file);
  file.promised = file.left = file.size = 10'000;
  file.volume = sink.volume = volume;
  EXPECT_EQ(names(rank(file, sink, {})),
            "reflink copy_file_range read_write splice mmap_write direct_io");
  EXPECT_EQ(names(rank(file, sink, {.copies_forbidden = true})), "reflink");
  EXPECT_EQ(names(rank(file, sink, {.forced = *Mechanism::named("reflink")})), "reflink");
  file.promised = file.left = 9'000;
  EXPECT_EQ(names(rank(file, sink, {})),
            "reflink copy_file_range read_write splice mmap_write direct_io")
      << "another mechanism moves the last bytes";
  EXPECT_EQ(names(rank(file, sink, {.copies_forbidden = true})), "");
  EXPECT_EQ(names(rank(file, sink, {.forced = *Mechanism::named("reflink")})), "");
  sink.volume.device = 2;
  EXPECT_EQ(names(rank(file, sink, {})), "copy_file_range read_write splice mmap_write direct_io");
}

// What a file system does by itself was measured on another one, perhaps.
TEST_F(RankTest, figures_of_copy_file_range_count_where_it_is_the_kernels_own) {
  Costs costs;
  const auto add = [&](std::string_view name, double ns) {
    costs.add({CostSource::file, CostSink::file, *Mechanism::named(name), 4096, ns, ns});
  };
  add("read_write", 150);
  add("copy_file_range", 200);
  add("splice", 100);
  SourceFacts file = source_of(Kind::file);
  SinkFacts sink = sink_of(Kind::file);
  file.promised = file.left = 4096;
  const auto first = [&] { return names(rank(file, sink, {.costs = &costs})).substr(0, 6); };
  const auto standing = [&] {
    return plan_from(file, sink, {.costs = &costs}).candidates.front().standing;
  };
  EXPECT_EQ(first(), "copy_f");
  EXPECT_TRUE(standing().contains("say nothing of these file systems")) << standing();
  file.volume.copies_by_pages = sink.volume.copies_by_pages = true;
  EXPECT_EQ(first(), "splice");
  EXPECT_EQ(standing(), "it costs least, or as little as any");
}

TEST_F(RankTest, a_small_file_is_read_and_written_where_copy_file_range_is_the_kernels_own) {
  SourceFacts file = source_of(Kind::file);
  SinkFacts sink = sink_of(Kind::file);
  file.volume.copies_by_pages = sink.volume.copies_by_pages = true;
  file.promised = file.left = small_copied_bytes;
  EXPECT_EQ(names(rank(file, sink, {})), "read_write copy_file_range splice mmap_write direct_io");
  file.promised = file.left = small_copied_bytes + 1;
  EXPECT_EQ(names(rank(file, sink, {})), "copy_file_range splice read_write mmap_write direct_io");
}

TEST_F(RankTest, several_pieces_of_memory_go_together_first) {
  SourceFacts memory = source_of(Kind::memory);
  memory.scattered = true;
  for (const Kind sink : {Kind::socket, Kind::pipe, Kind::file, Kind::device})
    EXPECT_EQ(names(rank(memory, sink_of(sink), {})), "gather read_write");
  EXPECT_EQ(names(rank(memory, sink_of(Kind::memory), {})), "read_write");
}

TEST_F(RankTest, an_owned_file_may_be_written_by_sendfile) {
  SinkFacts sink = sink_of(Kind::file);
  sink.owned = true;
  EXPECT_EQ(names(rank(source_of(Kind::file), sink, {})),
            "copy_file_range read_write sendfile splice mmap_write direct_io");
}

TEST_F(RankTest, the_preference_names_every_mechanism_once) {
  for (const Kind source : kinds)
    for (const Kind sink : kinds) {
      const Ranking all = preference({.kind = source}, sink);
      EXPECT_EQ(all.count, Mechanism::count());
      for (std::size_t i = 0; i < all.count; ++i)
        for (std::size_t j = 0; j < i; ++j) EXPECT_NE(all.order[i], all.order[j]);
    }
}

TEST_F(RankTest, is_a_function_of_its_arguments_and_asks_nobody) {
  const ScopedFaults faults;
  for (const Kind source : kinds)
    for (const Kind sink : kinds)
      for (const bool forbidden : {false, true}) {
        const Needs needs{.copies_forbidden = forbidden};
        const std::string first = names(rank(source_of(source), sink_of(sink), needs));
        for (int i = 0; i < 3; ++i)
          EXPECT_EQ(names(rank(source_of(source), sink_of(sink), needs)), first);
      }
  EXPECT_TRUE(faults.all_seen().empty());
}

TEST_F(RankTest, a_blocking_socket_leaves_what_can_be_told_not_to_wait) {
  SinkFacts sink = sink_of(Kind::socket);
  sink.waiting = Waiting::flagged;
  EXPECT_EQ(names(rank(source_of(Kind::file), sink, {})), "read_write mmap_write direct_io");
  sink.waiting = Waiting::allowed;
  EXPECT_EQ(names(rank(source_of(Kind::file), sink, {})),
            "sendfile splice read_write mmap_write direct_io");
}

TEST_F(RankTest, a_forced_mechanism_is_the_only_one) {
  const SourceFacts file = source_of(Kind::file);
  const SinkFacts socket = sink_of(Kind::socket);
  for (const std::string_view name : {"sendfile", "splice", "read_write"}) {
    const Needs needs{.forced = *Mechanism::named(name)};
    EXPECT_EQ(names(rank(file, socket, needs)), name);
    EXPECT_EQ(judge(*Mechanism::named("read_write"), file, socket, needs).fits,
              name == "read_write");
  }
  EXPECT_EQ(names(rank(file, socket, {.forced = *Mechanism::named("copy_file_range")})), "");
}

TEST_F(RankTest, closed_ways_are_not_tried_unless_forced) {
  const SourceFacts file = source_of(Kind::file);
  const SinkFacts socket = sink_of(Kind::socket);
  Needs needs{.closed_ways = bit_of("sendfile")};
  EXPECT_EQ(names(rank(file, socket, needs)), "splice read_write mmap_write direct_io");
  const Fit fit = judge(*Mechanism::named("sendfile"), file, socket, needs);
  EXPECT_FALSE(fit.fits);
  EXPECT_TRUE(fit.reason.contains("refused")) << fit.reason;
  needs.closed_ways |=
      bit_of("splice") | bit_of("read_write") | bit_of("mmap_write") | bit_of("direct_io");
  EXPECT_EQ(names(rank(file, socket, needs)), "");
  needs.forced = *Mechanism::named("sendfile");
  EXPECT_EQ(names(rank(file, socket, needs)), "sendfile");
}

TEST_F(RankTest, without_copies_pages_must_be_taken) {
  struct Pages {
    std::optional<bool> taken;
    std::string_view order;
    std::string_view reason;
  };
  for (const Pages& row :
       {Pages{true, "sendfile splice", ""}, Pages{false, "", "takes no scattered pages"},
        Pages{std::nullopt, "", "does not say"}}) {
    const Needs needs{.copies_forbidden = true, .pages_are_taken = row.taken};
    EXPECT_EQ(names(rank(source_of(Kind::file), sink_of(Kind::socket), needs)), row.order);
    const Fit fit =
        judge(*Mechanism::named("sendfile"), source_of(Kind::file), sink_of(Kind::socket), needs);
    EXPECT_TRUE(fit.reason.contains(row.reason)) << fit.reason;
  }
}

TEST_F(RankTest, without_copies_a_pipe_takes_pages_always) {
  const Needs needs{.copies_forbidden = true};
  EXPECT_EQ(names(rank(source_of(Kind::file), sink_of(Kind::pipe), needs)), "splice sendfile");
  EXPECT_EQ(names(rank(source_of(Kind::socket), sink_of(Kind::pipe), needs)), "splice");
}

TEST_F(RankTest, without_copies_nothing_that_copies_or_may_copy_is_left) {
  const Needs needs{.copies_forbidden = true, .pages_are_taken = true};
  SinkFacts owned = sink_of(Kind::file);
  owned.owned = true;
  for (const Kind source : kinds) {
    EXPECT_EQ(names(rank(source_of(source), sink_of(Kind::memory), needs)), "");
    EXPECT_EQ(names(rank(source_of(source), owned, needs)), "")
        << "into a file " << name_of(source) << " is copied, or only the kernel knows";
  }
  for (const Kind sink : kinds)
    EXPECT_EQ(names(rank(source_of(Kind::memory), sink_of(sink), needs)), "");
  const auto reason_of = [&](std::string_view name, const SinkFacts& sink) {
    return judge(*Mechanism::named(name), source_of(Kind::file), sink, needs).reason;
  };
  EXPECT_TRUE(reason_of("copy_file_range", owned).contains("only the kernel knows"));
  EXPECT_TRUE(reason_of("read_write", owned).contains("it copies"));
}

TEST_F(RankTest, without_copies_memory_may_be_lent_until_the_kernel_says_that_it_copied) {
  SourceFacts memory = source_of(Kind::memory);
  memory.tenure = MemoryTenure::shared;
  SinkFacts connection = sink_of(Kind::socket);
  connection.is_connection = connection.lendable = true;
  const Needs needs{.copies_forbidden = true};
  EXPECT_TRUE(names(rank(memory, connection, needs)).starts_with("zerocopy_send"));
  const Fit fit = judge(*Mechanism::named("zerocopy_send"), memory, connection, needs);
  EXPECT_TRUE(fit.reason.contains("ends the transfer")) << fit.reason;
}

TEST_F(RankTest, what_is_lent_first_comes_before_what_costs_less) {
  SourceFacts memory = source_of(Kind::memory);
  memory.tenure = MemoryTenure::shared;
  SinkFacts connection = sink_of(Kind::socket);
  connection.is_connection = connection.lendable = true;
  Costs costs;
  for (const auto& [name, ns] : {std::pair{"read_write", 100.0}, std::pair{"zerocopy_send", 900.0}})
    costs.add({CostSource::memory, CostSink::tcp, *Mechanism::named(name), 4096, ns, ns});
  Needs needs{.costs = &costs};
  EXPECT_TRUE(names(rank(memory, connection, needs)).starts_with("read_write"));
  needs.lends_first = true;
  EXPECT_TRUE(names(rank(memory, connection, needs)).starts_with("zerocopy_send read_write"));
  const Plan plan = plan_from(memory, connection, needs);
  EXPECT_EQ(plan.candidates[1].standing, "what can be lent comes first");
}

// 53: a header or a file that cannot say "more follows" stalls on a socket with Nagle's algorithm.
TEST_F(RankTest, what_has_a_successor_must_say_so_where_nagle_holds_back) {
  const SourceFacts file = source_of(Kind::file);
  const Needs needs{.has_successor = true};
  SinkFacts sink = sink_of(Kind::socket);
  EXPECT_EQ(names(rank(file, sink, needs)), "splice read_write mmap_write direct_io");
  EXPECT_TRUE(judge(*Mechanism::named("sendfile"), file, sink, needs).reason.contains("stall"));
  sink.nodelay = true;
  EXPECT_EQ(names(rank(file, sink, needs)), "sendfile splice read_write mmap_write direct_io");
  sink.nodelay = false;
  sink.is_connection = true;  // which may be corked
  EXPECT_EQ(names(rank(file, sink, needs)), "sendfile splice read_write mmap_write direct_io");
  sink.is_connection = false;
  sink.tcp = false;
  EXPECT_EQ(names(rank(file, sink, needs)), "sendfile splice read_write mmap_write direct_io");
  EXPECT_EQ(names(rank(file, sink_of(Kind::pipe), needs)), "splice sendfile read_write mmap_write");
}

TEST_F(RankTest, a_forced_mechanism_that_would_stall_does_not_fit) {
  const Needs needs{.forced = *Mechanism::named("sendfile"), .has_successor = true};
  EXPECT_EQ(names(rank(source_of(Kind::file), sink_of(Kind::socket), needs)), "");
}

TEST_F(RankTest, what_is_left_when_nothing_is) {
  const Error forced = nothing_left(source_of(Kind::memory), sink_of(Kind::socket),
                                    {.forced = *Mechanism::named("sendfile")});
  EXPECT_TRUE(forced.is(Errc::does_not_fit));
  EXPECT_EQ(forced.mechanism, *Mechanism::named("sendfile"));
  EXPECT_TRUE(forced.hint.starts_with("sendfile: ")) << forced.hint;
  EXPECT_EQ(forced.subject, "memory to socket");

  const Error copies = nothing_left(source_of(Kind::file), sink_of(Kind::socket),
                                    {.copies_forbidden = true, .pages_are_taken = false});
  EXPECT_TRUE(copies.is(Errc::would_copy));
  EXPECT_TRUE(copies.hint.contains("sendfile: copies are forbidden")) << copies.hint;

  const Error closed =
      nothing_left(source_of(Kind::file), sink_of(Kind::socket), {.closed_ways = ~0u});
  EXPECT_TRUE(closed.is(Errc::nothing_fits));
}

TEST_F(RankTest, of_what_nothing_keeps_as_it_is_there_is_no_snapshot_whatever_else_is_asked) {
  SourceFacts file = source_of(Kind::file);
  file.unheld = "why";
  Needs needs{.snapshot = true};
  for (const bool forbidden : {false, true})
    for (const Mechanism forced : {Mechanism(), *Mechanism::named("splice")}) {
      needs.copies_forbidden = forbidden;
      needs.forced = forced;
      const Error error = nothing_left(file, sink_of(Kind::socket), needs);
      EXPECT_TRUE(error.is(Errc::no_snapshot)) << error.message();
      EXPECT_TRUE(error.hint.starts_with("why; ")) << error.hint;
    }
}

TEST_F(RankTest, under_a_lease_only_what_asks_it_serves) {
  for (const Kind sink : kinds) {
    SourceFacts file = source_of(Kind::file);
    const std::string live = names(rank(file, sink_of(sink), {}));
    file.hold = Hold::lease;
    EXPECT_EQ(names(rank(file, sink_of(sink), {.snapshot = true})), "read_write");
    for (const Hold hold : {Hold::clone, Hold::immutable}) {
      file.hold = hold;
      EXPECT_EQ(names(rank(file, sink_of(sink), {.snapshot = true})), live);
    }
    file.hold = Hold::none;
    file.unheld = "why";
    EXPECT_EQ(names(rank(file, sink_of(sink), {.snapshot = true})), "");
    EXPECT_EQ(judge(Mechanism::at(0), file, sink_of(sink), {.snapshot = true}).reason, "why");
  }
  EXPECT_EQ(names(rank(source_of(Kind::pipe), sink_of(Kind::file), {.snapshot = true})),
            names(rank(source_of(Kind::pipe), sink_of(Kind::file), {})));
}

TEST_F(RankTest, a_witness_leaves_files_alone_and_takes_of_streams_what_can_be_shown) {
  const auto order = [](const SourceFacts& source, Kind sink) {
    return names(rank(source, sink_of(sink), {.witness = true}));
  };
  for (const Kind sink : kinds)
    EXPECT_EQ(order(source_of(Kind::file), sink),
              names(rank(source_of(Kind::file), sink_of(sink), {})));
  EXPECT_EQ(order(source_of(Kind::socket), Kind::file), "splice read_write");
  SourceFacts cursor = source_of(Kind::file);
  cursor.cursor = true;
  EXPECT_EQ(order(cursor, Kind::socket), "splice read_write");
  SourceFacts made_up = source_of(Kind::file);
  made_up.true_size = false;
  EXPECT_EQ(order(made_up, Kind::socket), "splice read_write");
}

}  // namespace
}  // namespace leat::testing
