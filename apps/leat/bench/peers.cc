#include "bench/peers.h"

#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

#include <leat/transfer.h>

#include "os/loopback.h"

namespace leat::app::bench {
namespace {

/// It goes through a pipe as it is: the child is a fork.
struct PeerReport {
  std::uint64_t bytes = 0;
  bool failed = false;
};
static_assert(std::is_trivially_copyable_v<PeerReport>);

std::span<std::byte> bytes_of(PeerReport& report) {
  return std::as_writable_bytes(std::span(&report, 1));
}

int run_receiver(const os::ParentLink& parent, FdRef listener) {
  PeerReport report;
  const Result<OwnedFd> socket = os::accept_one(listener);
  const Result<std::uint64_t> received =
      socket ? os::discard_to_end(*socket) : std::unexpected(socket.error());
  report.failed = !received;
  report.bytes = received.value_or(0);
  return parent.send(bytes_of(report)) ? 0 : 1;
}

/// Feeds by what leat holds to be the cheapest way: the file's pages change hands uncopied.
int run_feeder(const os::ParentLink& parent, const Payload& payload, Meeting& meeting) {
  OwnedFd end = std::move(meeting.pipe.in);
  meeting.pipe.out.reset();  // else a mover that died would be waited for
  PeerReport report;
  if (meeting.feeder.valid()) {
    Result<OwnedFd> socket = os::accept_one(meeting.feeder);
    report.failed = !socket;
    if (socket) end = std::move(*socket);
  }
  if (!parent.wait_for_go()) return 1;
  if (!report.failed) {
    Sink sink = meeting.feeder.valid() ? Sink::socket(end.ref()) : Sink::pipe(end.ref());
    const Receipt receipt =
        transfer(Source::file(payload.file, {0, payload.size}), std::move(sink));
    report.bytes = receipt.delivered;
    report.failed = !receipt.ok();
    end.reset();
  }
  return parent.send(bytes_of(report)) ? 0 : 1;
}

std::expected<os::ChildEnd, Failure> collect(os::ChildProcess& peer, std::string_view name,
                                             std::uint64_t size,
                                             os::ChildProcess::Deadline deadline) {
  PeerReport report;
  if (const auto got = peer.receive(bytes_of(report), deadline); !got) {
    return std::unexpected(Failure{fmt::format("{}: {}", name, got.error().message()), false});
  }
  auto end = peer.wait();
  if (!end) return std::unexpected(Failure{end.error().message(), false});
  if (report.failed) return std::unexpected(Failure{fmt::format("{} failed", name), false});
  if (report.bytes != size) {
    return std::unexpected(mismatch(fmt::format("at {}", name), report.bytes, size));
  }
  return *end;
}

}  // namespace

Failure mismatch(std::string_view place, std::uint64_t got, std::uint64_t wanted) {
  return {fmt::format("wrong number of bytes {}: {} instead of {}", place, got, wanted), false};
}

Result<Peers> Peers::start(const Payload& payload, const Pair& pair, Meeting& meeting) {
  Peers peers;
  if (pair.sink == SinkKind::tcp) {
    auto receiver = os::ChildProcess::start([&](const os::ParentLink& parent) {
      meeting.pipe = {};
      return run_receiver(parent, meeting.receiver);
    });
    if (!receiver) return std::unexpected(receiver.error());
    peers.receiver_.emplace(std::move(*receiver));
  }
  if (pair.is_fed()) {
    auto feeder = os::ChildProcess::start(
        [&](const os::ParentLink& parent) { return run_feeder(parent, payload, meeting); });
    if (!feeder) return std::unexpected(feeder.error());
    peers.feeder_.emplace(std::move(*feeder));
    meeting.pipe.in.reset();
  }
  return peers;
}

Result<void> Peers::go() { return feeder_ ? feeder_->go() : Result<void>(); }

std::expected<void, Failure> Peers::finish(Sample& sample, std::uint64_t size,
                                           os::ChildProcess::Deadline deadline) {
  if (feeder_) {
    const auto end = collect(*feeder_, "the feeder", size, deadline);
    if (!end) return std::unexpected(end.error());
    sample.feeder_cpu_s = end->cpu_s;
    sample.disk_read_bytes += end->disk_read_bytes;
  }
  if (receiver_) {
    const auto end = collect(*receiver_, "the receiver", size, deadline);
    if (!end) return std::unexpected(end.error());
    sample.receiver_cpu_s = end->cpu_s;
  }
  return {};
}

}  // namespace leat::app::bench
