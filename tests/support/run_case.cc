#include "support/run_case.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "mechanism/mechanism.h"

namespace leat::testing {
namespace {

/// What was stranded must be the very next bytes of the stream.
std::string check_stranded(Context& context, std::vector<Source> stranded, std::uint64_t seed,
                           std::uint64_t position, std::uint64_t expected) {
  StreamCheck check(seed, position);
  for (Source& source : stranded) {
    if (source.length() == to_end) return "a stranded source does not say its length; ";
    std::vector<std::byte> bytes(source.length());
    const Receipt receipt = transfer(context, std::move(source), Sink(std::span(bytes)));
    if (receipt.delivered != bytes.size()) return "a stranded source is short; ";
    check.add(bytes);
  }
  if (!check.mismatch().empty()) return "stranded: " + check.mismatch() + "; ";
  if (check.count() != expected) return "the stranded sources are not what the receipt says; ";
  return {};
}

/// Steps a Transfer to its end and gives up what it strands.
void run_steps(Context& context, const Case& one, SourceEnd& from, SinkEnd& to, Outcome& outcome,
               const Around& around, std::uint64_t& stranded) {
  std::optional<Transfer> transfer;
  around([&] {
    transfer = Transfer::start(context, from.source(), to.sink(), one.options);
    outcome.drive = drive(context, *transfer, one.limit);
    outcome.receipt = transfer->receipt();
  });
  outcome.trouble += outcome.drive.trouble;
  stranded = outcome.receipt.stranded;
  if (outcome.drive.last.delivered != outcome.receipt.delivered)
    outcome.trouble += "the last step and the receipt differ in `delivered`; ";
  outcome.trouble += check_stranded(context, transfer->stranded(), one.from_options.seed,
                                    outcome.receipt.delivered, stranded);
  transfer.reset();
  if (context.counters().stranded_bytes != 0)
    outcome.trouble += "bytes that were given up are still counted as lost; ";
  if (context.counters().transfers != 0) outcome.trouble += "the transfer is still counted; ";
}

void run_call(Context* context, const Case& one, SourceEnd& from, SinkEnd& to, Outcome& outcome,
              const Around& around) {
  around([&] {
    outcome.receipt = context ? transfer(*context, from.source(), to.sink(), one.options)
                              : transfer(from.source(), to.sink(), one.options);
  });
}

// With several blocks in flight a sink may hold more than was delivered when it fails.
bool may_be_ahead(const Receipt& receipt) {
  return receipt.ending == Ending::failed && std::ranges::any_of(receipt.legs, [](const Leg& leg) {
           return leg.mechanism.name() == "direct_io";
         });
}

Pool registered_pool(Context& context, const Case& one, std::string& trouble) {
  constexpr std::size_t blocks = 4;
  auto pool = Pool::create({.block_bytes = one.registered_block_bytes, .most_blocks = blocks});
  if (!pool) std::abort();
  const auto registered = context.register_blocks(*pool);
  if (!registered) trouble += registered.error().message() + "; ";
  return std::move(*pool);
}

}  // namespace

Outcome run_case(const Case& one, const Around& around) {
  const Around plainly = [](const std::function<void()>& body) { body(); };
  const Around& how = around ? around : plainly;
  Outcome outcome;
  std::uint64_t stranded = 0;
  Context context = make_context({.costs = one.costs});
  std::optional<Pool> pool;
  if (one.registered_block_bytes > 0) pool = registered_pool(context, one, outcome.trouble);
  const auto [from, to] = ends_of(one, context, pool ? &*pool : nullptr);
  switch (one.driver) {
    case Driver::steps: run_steps(context, one, *from, *to, outcome, how, stranded); break;
    case Driver::call: run_call(&context, one, *from, *to, outcome, how); break;
    case Driver::free_call: run_call(nullptr, one, *from, *to, outcome, how); break;
  }
  outcome.trouble += inconsistency(outcome.receipt);
  outcome.trouble += to->settle(outcome.receipt);
  outcome.trouble += inconsistency(outcome.receipt);
  outcome.trouble += to->examine(outcome.receipt.delivered, may_be_ahead(outcome.receipt));
  outcome.trouble += take_back_loans(context);
  outcome.trouble += from->examine(outcome.receipt.delivered + outcome.receipt.stranded);
  outcome.registered_operations = context.counters().registered_operations;
  return outcome;
}

Ends ends_of(const Case& one, Context& context, Pool* pool) {
  EndOptions from = one.from_options;
  EndOptions to = one.to_options;
  from.context = to.context = &context;
  from.pool = pool;
  return {SourceEnd::make(one.from, from), SinkEnd::make(one.to, to)};
}

std::string take_back_loans(Context& context) {
  while (context.counters().lent_bytes > 0) {
    context.poll();
    std::this_thread::yield();
  }
  const ContextCounters counters = context.counters();
  if (counters.quarantined_bytes != 0) return "nothing is lent, but something is in quarantine; ";
  if (counters.abandoned_bytes != 0) return "lent memory was abandoned; ";
  return {};
}

Case ragged_case(EndKind from, EndKind to, std::uint64_t size) {
  Case one{.from = from, .to = to};
  one.from_options = {
      .size = size, .offset = 4099, .tail = 777, .promised = true, .seed = size + 3};
  one.to_options = {.size = size, .offset = 12345, .tail = 333, .seed = size + 3};
  return one;
}

Case whole_case(EndKind from, EndKind to, std::uint64_t size) {
  Case one{.from = from, .to = to};
  one.from_options = {.size = size, .seed = size + 5};
  one.to_options = {.size = size, .seed = size + 5};
  return one;
}

bool is_undisturbed_ending(const Case& one, Ending ending) {
  if (one.from_options.promised || is_memory(one.from) || one.to == EndKind::memory)
    return ending == Ending::complete;
  // The size that a regular file has at the start counts as promised, unless it is 0.
  if (is_file(one.from)) return ending == Ending::complete || ending == Ending::end_of_source;
  return ending == Ending::end_of_source;
}

bool crosses_file_systems(const FittingPair& pair) {
  return is_file(pair.from) && is_file(pair.to) && pair.from != pair.to;
}

namespace {

struct Sorted {
  std::vector<FittingPair> fitting;
  std::vector<FittingPair> others;
};

Source plain_memory() { return std::string_view("x"); }

void sort_pair(const FittingPair& pair, const Source& source, const Sink& sink, Sorted& sorted) {
  for (std::size_t i = 0; i < Mechanism::count(); ++i) {
    const Mechanism mechanism = Mechanism::at(i);
    const Options forced{.mechanism = mechanism};
    if (pair.from == EndKind::slice && plan(plain_memory(), sink, forced).chosen() == mechanism)
      continue;
    if (pair.from == EndKind::chain && MechanismAccess::entry(mechanism).most_pieces == 1) continue;
    const bool fits = plan(source, sink, forced).chosen() == mechanism;
    if (!fits) {
      sorted.others.push_back({mechanism, pair.from, pair.to});
    } else if (mechanism.name() != "copy_file_range" || !crosses_file_systems(pair)) {
      sorted.fitting.push_back({mechanism, pair.from, pair.to});
    }
  }
}

// Once a process: each parameterised suite asks, and ctest starts a process for each test.
const Sorted& sorted_pairs() {
  static const Sorted sorted = [] {
    Sorted made;
    Context context = make_context();
    std::map<EndKind, std::unique_ptr<SourceEnd>> source_ends;
    std::map<EndKind, std::unique_ptr<SinkEnd>> sink_ends;
    std::map<EndKind, Source> sources;
    std::map<EndKind, Sink> sinks;
    for (const FittingPair& pair : all_pairs()) {
      const Case one = ragged_case(pair.from, pair.to, 1);
      EndOptions from = one.from_options;
      EndOptions to = one.to_options;
      from.context = to.context = &context;
      if (auto& end = source_ends[pair.from]; !end) {
        end = SourceEnd::make(pair.from, from);
        sources.emplace(pair.from, end->source());
      }
      if (auto& end = sink_ends[pair.to]; !end) {
        end = SinkEnd::make(pair.to, to);
        sinks.emplace(pair.to, end->sink());
      }
      sort_pair(pair, sources.at(pair.from), sinks.at(pair.to), made);
    }
    return made;
  }();
  return sorted;
}

// See all_pairs in the header.
bool shows_something(EndKind from, EndKind to) {
  if (from == EndKind::slice) return is_stream(to);
  if (from == EndKind::chain)
    return to == EndKind::file || to == EndKind::pipe || to == EndKind::tcp_socket ||
           to == EndKind::connection;
  if (from == EndKind::connection) return to == EndKind::connection || to == EndKind::memory;
  if (to == EndKind::connection) return from == EndKind::file || from == EndKind::memory;
  return true;
}

}  // namespace

std::vector<FittingPair> all_pairs() {
  std::vector<FittingPair> pairs;
  for (const EndKind from : source_kinds)
    for (const EndKind to : sink_kinds)
      if (shows_something(from, to)) pairs.push_back({Mechanism(), from, to});
  return pairs;
}

std::vector<FittingPair> fitting_pairs() { return sorted_pairs().fitting; }
std::vector<FittingPair> misfits() { return sorted_pairs().others; }

std::string name_of(const FittingPair& pair) {
  const std::string mechanism(pair.mechanism ? pair.mechanism.name() : "any");
  return mechanism + "_" + std::string(name_of(pair.from)) + "_to_" + std::string(name_of(pair.to));
}
void PrintTo(const FittingPair& pair, std::ostream* out) { *out << name_of(pair); }

}  // namespace leat::testing
