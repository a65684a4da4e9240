#include "bench/peers.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

#include <leat/transfer.h>

#include "os/discard.h"
#include "os/host.h"
#include "os/loopback.h"
#include "os/requests.h"
#include "os/wait.h"

namespace leat::app::bench {
namespace {

/// It goes through a pipe as it is: the child is a fork.
struct PeerReport {
  std::uint64_t bytes = 0;
  double cpu_s = 0;  ///< of moving them: what it takes to become a process is not counted
  double waited_share = 0;
  bool failed = false;
  std::array<char, 200> message{};  ///< why
};
static_assert(std::is_trivially_copyable_v<PeerReport>);

std::span<std::byte> bytes_of(PeerReport& report) {
  return std::as_writable_bytes(std::span(&report, 1));
}

Result<std::uint64_t> receive_all(FdRef stream, const Pair& pair) {
  if (pair.receiver == Receiver::copy) return os::read_to_end(stream);
  switch (pair.sink) {
    case SinkKind::tcp: return os::discard_from_tcp(stream);
    case SinkKind::unix_socket: return os::discard_from_unix(stream);
    case SinkKind::pipe: return os::discard_from_pipe(stream);
    case SinkKind::file: break;
  }
  return 0;
}

void put_failure(PeerReport& report, std::string_view text) {
  report.failed = true;
  text = text.substr(0, report.message.size() - 1);
  std::copy(text.begin(), text.end(), report.message.begin());
}

void put_failure(PeerReport& report, const Receipt& receipt) {
  put_failure(report, receipt.error ? receipt.error->message()
                                    : fmt::format("ended with {}", leat::name_of(receipt.ending)));
}

Failure failure_of(std::string_view name, const PeerReport& report) {
  return {fmt::format("{} failed: {}", name, report.message.data()), false};
}

/// Begins when it is made.
class Clock {
 public:
  void stop(PeerReport& report) const {
    const std::chrono::duration<double> wall = Now::now() - start_;
    report.cpu_s = cpu_used() - cpu_s_;
    report.waited_share = (os::waited_for_processor_s() - waited_s_) / wall.count();
  }

 private:
  using Now = std::chrono::steady_clock;

  static double cpu_used() {
    const os::Used used = os::process_used();
    return used.user_s + used.system_s;
  }

  double waited_s_ = os::waited_for_processor_s();
  double cpu_s_ = cpu_used();
  Now::time_point start_ = Now::now();
};

int run_receiver(const os::ParentLink& parent, const Pair& pair, Meeting& meeting) {
  if (pair.placed) os::stay_on_processor(1);
  meeting.source_pipe = {};
  meeting.sink_pipe.in.reset();  // else the stream would not end with the mover
  PeerReport report;
  const Result<OwnedFd> stream = pair.sink == SinkKind::pipe
                                     ? Result<OwnedFd>(std::move(meeting.sink_pipe.out))
                                     : os::accept_one(meeting.receiver);
  // The clock runs from the first byte. What is wrong with the stream shows when it is read.
  if (stream) static_cast<void>(os::wait_one(*stream, POLLIN, {}));
  const Clock clock;
  const Result<std::uint64_t> received =
      stream ? receive_all(*stream, pair) : std::unexpected(stream.error());
  clock.stop(report);
  if (!received) put_failure(report, received.error().message());
  report.bytes = received.value_or(0);
  return parent.send(bytes_of(report)) ? 0 : 1;
}

/// Feeds by what leat holds to be the cheapest way: the file's pages change hands uncopied.
int run_feeder(const os::ParentLink& parent, const Payload& payload, const Pair& pair,
               Meeting& meeting) {
  if (pair.placed) os::stay_on_processor(1);
  OwnedFd end = std::move(meeting.source_pipe.in);
  meeting.source_pipe.out.reset();  // else a mover that died would be waited for
  meeting.sink_pipe = {};
  PeerReport report;
  if (meeting.feeder.valid()) {
    Result<OwnedFd> socket = os::accept_one(meeting.feeder);
    if (!socket) put_failure(report, socket.error().message());
    if (socket) end = std::move(*socket);
  }
  if (!parent.wait_for_go()) return 1;
  if (!report.failed) {
    const Clock clock;
    for (std::uint64_t left = repeats_of(pair, payload.size); left > 0 && !report.failed; --left) {
      Sink sink = meeting.feeder.valid() ? Sink::socket(end.ref()) : Sink::pipe(end.ref());
      const Receipt receipt =
          transfer(Source::file(payload.file, {0, payload.size}), std::move(sink));
      report.bytes += receipt.delivered;
      if (!receipt.ok()) put_failure(report, receipt);
    }
    clock.stop(report);
    end.reset();
  }
  return parent.send(bytes_of(report)) ? 0 : 1;
}

struct PeerEnd {
  PeerReport report;
  std::uint64_t disk_read_bytes = 0;
};

std::expected<PeerEnd, Failure> collect(os::ChildProcess& peer, std::string_view name,
                                        std::uint64_t size, os::ChildProcess::Deadline deadline) {
  PeerReport report;
  if (const auto got = peer.receive(bytes_of(report), deadline); !got) {
    return std::unexpected(Failure{fmt::format("{}: {}", name, got.error().message()), false});
  }
  auto end = peer.wait();
  if (!end) return std::unexpected(Failure{end.error().message(), false});
  if (report.failed) return std::unexpected(failure_of(name, report));
  if (report.bytes != size) {
    return std::unexpected(mismatch(fmt::format("at {}", name), report.bytes, size));
  }
  return PeerEnd{report, end->disk_read_bytes};
}

}  // namespace

Failure mismatch(std::string_view place, std::uint64_t got, std::uint64_t wanted) {
  return {fmt::format("wrong number of bytes {}: {} instead of {}", place, got, wanted), false};
}

Result<Peers> Peers::start(const Payload& payload, const Pair& pair, Meeting& meeting) {
  Peers peers;
  if (pair.is_received()) {
    auto receiver = os::ChildProcess::start(
        [&](const os::ParentLink& parent) { return run_receiver(parent, pair, meeting); });
    if (!receiver) return std::unexpected(receiver.error());
    peers.receiver_.emplace(std::move(*receiver));
    meeting.sink_pipe.out.reset();
  }
  if (pair.is_fed()) {
    auto feeder = os::ChildProcess::start(
        [&](const os::ParentLink& parent) { return run_feeder(parent, payload, pair, meeting); });
    if (!feeder) return std::unexpected(feeder.error());
    peers.feeder_.emplace(std::move(*feeder));
    meeting.source_pipe.in.reset();
  }
  return peers;
}

Result<void> Peers::go() { return feeder_ ? feeder_->go() : Result<void>(); }

Failure Peers::explain(Failure failure) const {
  if (failure.refused || !receiver_) return failure;
  PeerReport report;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  const auto got = receiver_->receive(bytes_of(report), deadline);
  return got && report.failed ? failure_of("the receiver", report) : failure;
}

std::expected<void, Failure> Peers::finish(Sample& sample, std::uint64_t size,
                                           os::ChildProcess::Deadline deadline) {
  if (feeder_) {
    const auto end = collect(*feeder_, "the feeder", size, deadline);
    if (!end) return std::unexpected(end.error());
    sample.feeder_cpu_s = end->report.cpu_s;
    sample.feeder_waited_share = end->report.waited_share;
    sample.disk_read_bytes += end->disk_read_bytes;
  }
  if (receiver_) {
    const auto end = collect(*receiver_, "the receiver", size, deadline);
    if (!end) return std::unexpected(end.error());
    sample.receiver_cpu_s = end->report.cpu_s;
    sample.receiver_waited_share = end->report.waited_share;
  }
  return {};
}

}  // namespace leat::app::bench
