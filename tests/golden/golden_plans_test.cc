// Goal: for each of these situations the plan is the one that was thought right, and reads well to
// somebody who has not read the code. Method: facts, made up, to the text of `leat explain`,
// compared with golden_plans.txt beside this file; LEAT_UPDATE_GOLDEN=1 writes that anew, to be
// read before it is committed.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "explain/plan_format.h"
#include "plan/plan.h"

namespace leat::app::explain {
namespace {

constexpr std::uint64_t kib = 1 << 10;
constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t gib = 1 << 30;

constexpr Volume ext4{.device = 1, .block_bytes = 4096, .type = 0xef53, .copies_by_pages = true};
constexpr Volume btrfs{.device = 2,
                       .block_bytes = 4096,
                       .type = 0x9123683e,
                       .shares_extents = true,
                       .has_several_devices = true};

SourceFacts file(std::uint64_t length, const Volume& volume = ext4) {
  return {.kind = Kind::file,
          .regular = true,
          .true_size = true,
          .cached = length >= mib ? Cached::mostly : Cached::unknown,
          .promised = length,
          .left = length,
          .size = length,
          .volume = volume};
}

SourceFacts memory(std::uint64_t length, MemoryTenure tenure = MemoryTenure::borrowed) {
  return {.kind = Kind::memory, .tenure = tenure, .promised = length, .left = length};
}

SourceFacts stream(Kind kind) { return {.kind = kind}; }

SinkFacts tcp() { return {.kind = Kind::socket, .tcp = true, .is_connection = true}; }
SinkFacts pipe() { return {.kind = Kind::pipe}; }
SinkFacts new_file(const Volume& volume = ext4) {
  return {
      .kind = Kind::file, .regular = true, .owned = true, .keeps_holes = true, .volume = volume};
}

template <class Facts, class Change>
Facts with(Facts facts, Change change) {
  change(facts);
  return facts;
}

Needs forced(std::string_view name) { return {.forced = *Mechanism::named(name)}; }

struct Case {
  std::string_view name;
  SourceFacts source;
  SinkFacts sink;
  Needs needs{};
};

std::vector<Case> files_to_sockets() {
  const Needs forbidden{.copies_forbidden = true, .pages_are_taken = true};
  const Needs unsure{.copies_forbidden = true, .pages_are_taken = {}};
  const auto blocking = [](SinkFacts& sink) {
    sink.is_connection = false;
    sink.waiting = Waiting::flagged;
  };
  const auto borrowed = [](SinkFacts& sink) { sink.is_connection = false; };
  return {
      {"a large file to a TCP peer", file(gib), tcp()},
      {"the same, copies forbidden, and the card takes pages", file(gib), tcp(), forbidden},
      {"the same, copies forbidden, and the card does not say", file(gib), tcp(), unsure},
      {"unsure: a small file to a TCP peer", file(4 * kib), tcp()},
      {"a large file that is not in memory",
       with(file(64 * mib), [](SourceFacts& source) { source.cached = Cached::little; }), tcp()},
      {"a file to a borrowed socket that blocks, from an event loop", file(mib),
       with(tcp(), blocking)},
      {"a header before a file, on a borrowed socket with Nagle on",
       file(mib),
       with(tcp(), borrowed),
       {.has_successor = true}},
      {"a file of /proc to a TCP peer",
       with(file(0),
            [](SourceFacts& source) {
              source.true_size = false;
              source.promised = source.left = to_end;
              source.volume.type = 0x9fa0;
            }),
       tcp()},
      {"a file to a UNIX socket", file(mib),
       with(tcp(), [](SinkFacts& sink) { sink.tcp = false; })},
      {"own cache policy: direct_io forced", file(gib), tcp(), forced("direct_io")},
  };
}

std::vector<Case> files_to_files() {
  return {
      {"a file to a pipe", file(mib), pipe()},
      {"a file to a new file beside it", file(gib), new_file()},
      {"a file to a new file beside it, where extents can be shared", file(gib, btrfs),
       new_file(btrfs)},
      {"a file to a new file on another file system", file(gib), new_file(btrfs)},
      {"a file to the end of a log", file(mib),
       with(new_file(),
            [](SinkFacts& sink) {
              sink.append = true;
              sink.keeps_holes = false;
            })},
      {"a file to a new file, copies forbidden", file(gib), new_file(), {.copies_forbidden = true}},
  };
}

std::vector<Case> streams_and_memory() {
  const auto lendable = [](SinkFacts& sink) { sink.lendable = true; };
  return {
      {"forwarding: a TCP peer to another", stream(Kind::socket), tcp()},
      {"a TCP peer to a file", stream(Kind::socket), new_file()},
      {"a pipe to a TCP peer", stream(Kind::pipe), tcp()},
      {"a terminal to a file", stream(Kind::device), new_file()},
      {"low latency: a hundred bytes of memory to a TCP peer", memory(100), tcp()},
      {"a megabyte that a slice keeps, to a Connection of its own",
       memory(mib, MemoryTenure::shared), with(tcp(), lendable)},
      {"a message in several pieces",
       with(memory(4 * kib), [](SourceFacts& source) { source.scattered = true; }), tcp()},
      {"pages that are never written again, to a pipe", memory(mib, MemoryTenure::never_reused),
       pipe()},
      {"sendfile forced on memory", memory(mib), tcp(), forced("sendfile")},
  };
}

std::string text_of(const Case& each) {
  Needs needs = each.needs;
  needs.costs = &Costs::shipped();
  const Names names{"SRC", "DST", "Expected costs are those that leat came with."};
  return "== " + std::string(each.name) + "\n" +
         plan_text(plan_from(each.source, each.sink, needs), names) + "\n";
}

TEST(GoldenPlans, are_as_they_were_thought_right) {
  std::string text;
  for (const auto& group : {files_to_sockets(), files_to_files(), streams_and_memory()})
    for (const Case& each : group) text += text_of(each);

  const auto path = std::filesystem::path(__FILE__).parent_path() / "golden_plans.txt";
  if (std::getenv("LEAT_UPDATE_GOLDEN")) std::ofstream(path) << text;
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, golden.str());
}

}  // namespace
}  // namespace leat::app::explain
