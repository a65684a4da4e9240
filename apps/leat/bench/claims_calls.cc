#include "bench/claims_calls.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include <leat/connection.h>
#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/transfer.h>

#include "bench/claims_text.h"
#include "bench/claims_textbook.h"
#include "bench/claims_verdict.h"
#include "os/call_trace.h"
#include "os/loopback.h"

namespace leat::app::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t most_piece_bytes = 16u << 10;

/// A connection whose peer reads nothing, and what it needs.
struct Quiet {
  Context context;
  OwnedFd far;
  Connection near;
};

Result<Quiet> connect_quietly() {
  // As a server has it: else each step would ask for SIGPIPE and take it back.
  Result<Context> context = Context::create({.sigpipe = Sigpipe::ignored_by_caller});
  if (!context) return std::unexpected(context.error());
  Result<os::TcpPair> ends = os::tcp_pair();
  if (!ends) return std::unexpected(ends.error());
  Result<Connection> connection = Connection::adopt(*context, std::move(ends->near));
  if (!connection) return std::unexpected(connection.error());
  return Quiet{std::move(*context), std::move(ends->far), std::move(*connection)};
}

Receipt send_piece(Quiet& quiet, const Payload& payload, std::string_view mechanism) {
  Options options;
  options.mechanism = Mechanism::named(mechanism).value_or(Mechanism());
  return transfer(quiet.context, Source::file(payload.file, {0, piece_bytes(payload)}),
                  Sink(quiet.near), options);
}

Result<PieceCalls> count_one(const Payload& payload, std::string_view mechanism) {
  PieceCalls piece{.mechanism = mechanism, .seen = {}, .problem = {}, .refusal = {}};
  Result<Quiet> quiet = connect_quietly();
  if (!quiet) return std::unexpected(quiet.error());
  const Receipt receipt = send_piece(*quiet, payload, mechanism);
  if (!receipt.ok()) {
    piece.refusal = receipt.error ? receipt.error->message() : "it did not end";
    return piece;
  }
  piece.counted = receipt.waits;
  for (const Leg& leg : receipt.legs) piece.counted += leg.calls;
  // The child sends over a connection of its own: the first piece pays for what is kept.
  auto seen = os::trace_calls([&](const std::function<void()>& mark) {
    Result<Quiet> own = connect_quietly();
    if (!own || !send_piece(*own, payload, mechanism).ok()) return;
    mark();
    const bool sent = send_piece(*own, payload, mechanism).ok();
    if (sent) mark();
  });
  if (seen) {
    piece.seen = std::move(*seen);
  } else {
    piece.problem = seen.error().message();
  }
  return piece;
}

}  // namespace

std::uint64_t piece_bytes(const Payload& payload) noexcept {
  return std::min(payload.size, most_piece_bytes);
}

Result<std::vector<PieceCalls>> count_piece_calls(const Payload& payload) {
  std::vector<PieceCalls> pieces;
  for (const Claimed& claimed : claimed_switches) {
    Result<PieceCalls> piece = count_one(payload, claimed.mechanism);
    if (!piece) return std::unexpected(piece.error());
    pieces.push_back(std::move(*piece));
  }
  return pieces;
}

Claim answer_switches(const std::vector<PieceCalls>& pieces, std::uint64_t bytes) {
  Claim claim = unanswered(3);
  std::vector<NamedAgreement> figures;
  std::vector<std::string> here;
  std::string problem;
  Json rows = Json::array();
  for (const Claimed& claimed : claimed_switches) {
    const auto piece = std::find_if(pieces.begin(), pieces.end(), [&](const PieceCalls& one) {
      return one.mechanism == claimed.mechanism;
    });
    if (piece == pieces.end()) continue;
    const std::string name(textbook_name(claimed.mechanism));
    if (!piece->refusal.empty()) {
      here.push_back(fmt::format("{} refused: {}", name, piece->refusal));
      continue;
    }
    const auto switches = static_cast<double>(piece->switches());
    const Agreement agreement = switches == claimed.figure  ? Agreement::agrees
                                : switches < claimed.figure ? Agreement::below
                                                            : Agreement::above;
    figures.push_back({name, agreement});
    if (!piece->problem.empty()) problem = piece->problem;
    here.push_back(fmt::format("{} {:.0f}{}", name, switches,
                               piece->seen.empty() ? "" : " (" + join(piece->seen, ", ") + ")"));
    rows.push_back({{"mechanism", claimed.mechanism},
                    {"claimed", claimed.figure},
                    {"mode_switches", piece->switches()},
                    {"calls_by_receipt", piece->counted},
                    {"calls_seen", piece->seen},
                    {"agreement", name_of(agreement)}});
  }
  claim.verdict = judge(figures);
  claim.here =
      fmt::format("{}; two for each call that a piece of {} bytes takes over a kept connection, {}",
                  join(here, ", "), bytes,
                  problem.empty() ? "all calls seen by ptrace(2)"
                                  : "those that the receipts count (" + problem + ")");
  claim.why = say(figures, "fewer than claimed", "more than claimed") +
              "; larger pieces take no more calls; RDMA: no such hardware here";
  claim.figures = {{"piece_bytes", bytes}, {"rows", rows}};
  return claim;
}

}  // namespace leat::app::bench
