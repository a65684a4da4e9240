#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/context.h>
#include <leat/plan.h>
#include <leat/transfer.h>

#include "bench/claims_kernel.h"
#include "os/child_process.h"
#include "os/loopback.h"
#include "os/single_calls.h"
#include "os/veth.h"

namespace leat::app::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// Both ends are one process: it fits into the socket of a peer that is not reading yet.
constexpr std::size_t sent_bytes = 32u << 10;
constexpr std::chrono::seconds patience{10};

Mechanism zerocopy_send() { return Mechanism::named("zerocopy_send").value_or(Mechanism()); }

/// It goes through a pipe as it is: the child is a fork.
struct Report {
  std::array<char, 300> problem{};
  std::uint64_t sent_bytes = 0;
  std::uint64_t copied_bytes = 0;
  std::uint64_t lent_unread_bytes = 0;
  std::uint64_t lent_read_bytes = 0;
  KnownBy known_by = KnownBy::unknown;

  void put(std::string_view text) {
    text = text.substr(0, problem.size() - 1);
    std::copy(text.begin(), text.end(), problem.begin());
  }
};
static_assert(std::is_trivially_copyable_v<Report>);

std::span<std::byte> bytes_of(Report& report) {
  return std::as_writable_bytes(std::span(&report, 1));
}

void put_verdict(Report& report, const Receipt& receipt) {
  report.sent_bytes = receipt.delivered;
  for (const Leg& leg : receipt.legs) {
    if (leg.mechanism != zerocopy_send()) continue;
    report.known_by = leg.known_by;
    report.copied_bytes = leg.cpu_copied_bytes;
  }
}

/// Lends a buffer, has the peer read all of it, and only then reads the completions.
Result<void> send_and_settle(Report& report, FdRef listener) {
  Result<Context> context = Context::create();
  if (!context) return std::unexpected(context.error());
  Result<os::TcpPair> ends = os::tcp_pair(listener);
  if (!ends) return std::unexpected(ends.error());
  Result<Connection> connection = Connection::adopt(*context, std::move(ends->near));
  if (!connection) return std::unexpected(connection.error());
  Result<Buffer> buffer = Buffer::pages(sent_bytes);
  if (!buffer) return std::unexpected(buffer.error());
  const Slice slice = std::move(*buffer).freeze();

  Options options;
  options.mechanism = zerocopy_send();
  options.deadline = Clock::now() + patience;
  Receipt receipt = transfer(*context, Source(slice), Sink(*connection), options);
  if (!receipt.ok()) {
    report.put(receipt.error ? receipt.error->message()
                             : std::string(leat::name_of(receipt.ending)));
    return {};
  }
  if (const auto read = os::discard_exactly(ends->far, sent_bytes); !read) return read;
  report.lent_unread_bytes = context->counters().lent_bytes;
  connection->settle(receipt, Clock::now() + patience);
  report.lent_read_bytes = context->counters().lent_bytes;
  put_verdict(report, receipt);
  return {};
}

/// In a process of its own: what makes a network may change what the process is permitted.
ZerocopyTrial try_path(std::string path,
                       const std::function<Result<void>(Report&)>& send_over_path) {
  ZerocopyTrial trial{.path = std::move(path)};
  auto child = os::ChildProcess::start([&](const os::ParentLink& parent) {
    Report report;
    if (const auto sent = send_over_path(report); !sent) report.put(sent.error().message());
    return parent.send(bytes_of(report)) ? 0 : 1;
  });
  Report report;
  const Result<void> got = child ? child->receive(bytes_of(report), Clock::now() + 3 * patience)
                                 : std::unexpected(child.error());
  if (!got) {
    trial.problem = got.error().message();
    return trial;
  }
  static_cast<void>(child->wait());  // it has said all that counts
  trial.problem = report.problem.data();
  trial.sent_bytes = report.sent_bytes;
  trial.copied_bytes = report.copied_bytes;
  trial.known_by = report.known_by;
  trial.lent_unread_bytes = report.lent_unread_bytes;
  trial.lent_read_bytes = report.lent_read_bytes;
  return trial;
}

Result<void> send_over_loopback(Report& report) {
  const Result<OwnedFd> listener = os::listen_on_loopback();
  if (!listener) return std::unexpected(listener.error());
  return send_and_settle(report, *listener);
}

Result<void> send_over_veth(Report& report) {
  const Result<os::VethPair> veth = os::VethPair::create();
  if (!veth) return std::unexpected(veth.error());
  const Result<OwnedFd> listener = veth->listen();
  if (!listener) return std::unexpected(listener.error());
  return send_and_settle(report, *listener);
}

/// What the plan says of it with a socket as the source.
std::string receiving() {
  const Result<os::SocketPair> pair = os::unix_socket_pair();
  if (!pair) return pair.error().message();
  std::array<std::byte, 1> room{};
  const Plan planned = plan(Source::socket(pair->one.ref()), Sink(std::span<std::byte>(room)));
  for (const Candidate& candidate : planned.candidates) {
    if (candidate.mechanism == zerocopy_send() && !candidate.fits) {
      return std::string(candidate.reason);
    }
  }
  return "not refused";
}

}  // namespace

ZerocopyTrials try_zerocopy() {
  ZerocopyTrials trials;
  if (!zerocopy_send()) {
    trials.unavailable = "this build of leat has no zerocopy_send";
    return trials;
  }
  trials.unavailable = zerocopy_send().unavailable();
  if (!trials.unavailable.empty()) return trials;
  trials.of_receiving = receiving();
  trials.paths.push_back(try_path("loopback", send_over_loopback));
  trials.paths.push_back(try_path("veth", send_over_veth));
  return trials;
}

}  // namespace leat::app::bench
