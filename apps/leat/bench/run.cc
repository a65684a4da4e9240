#include "bench/run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/transfer.h>

#include "os/child_process.h"
#include "os/host.h"
#include "os/loopback.h"
#include "os/payload_file.h"

namespace leat::app::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// What the moving child says of its run. It goes through a pipe as it is: the child is a fork, so
/// that a Mechanism means the same on both sides.
struct MoverReport {
  Sample sample;
  std::uint64_t delivered = 0;
  std::uint64_t in_file = 0;
  bool failed = false;
  bool refused = false;
  std::array<char, 400> message{};
};
static_assert(std::is_trivially_copyable_v<MoverReport>);

struct ReceiverReport {
  std::uint64_t received = 0;
  bool failed = false;
};

template <class T>
std::span<std::byte> bytes_of(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

void put_message(MoverReport& report, std::string_view text) {
  report.failed = true;
  text = text.substr(0, report.message.size() - 1);
  std::copy(text.begin(), text.end(), report.message.begin());
}

void put_receipt(MoverReport& report, const Receipt& receipt) {
  Sample& sample = report.sample;
  sample.calls = receipt.waits;
  sample.known_by = KnownBy::construction;
  std::uint64_t most = 0;
  for (const Leg& leg : receipt.legs) {
    sample.calls += leg.calls;
    sample.cpu_copied_bytes += leg.cpu_copied_bytes;
    // Of several legs the least certain one decides how the sum is known.
    sample.known_by = std::max(sample.known_by, leg.known_by);
    if (leg.bytes >= most) {
      most = leg.bytes;
      sample.picked = leg.mechanism;
    }
  }
  report.delivered = receipt.delivered;
  if (receipt.ok()) return;
  report.refused =
      !receipt.refusals.empty() || (receipt.error && receipt.error->is(Errc::does_not_fit));
  put_message(report, receipt.error ? receipt.error->message()
                                    : fmt::format("ended with {}", leat::name_of(receipt.ending)));
}

/// The measured stretch: from the first call of the transfer to its receipt.
void move_and_measure(MoverReport& report, Context& context, Source source, Sink sink,
                      const Way& way) {
  Options options;
  options.mechanism = way.mechanism;
  options.tuning.block_bytes = way.block_bytes;
  const os::Used before = os::process_used();
  const Clock::time_point start = Clock::now();
  const Receipt receipt = transfer(context, std::move(source), std::move(sink), options);
  const std::chrono::duration<double> wall = Clock::now() - start;
  const os::Used after = os::process_used();

  const os::Memory memory = os::process_memory();
  report.sample.wall_s = wall.count();
  report.sample.user_s = after.user_s - before.user_s;
  report.sample.system_s = after.system_s - before.system_s;
  report.sample.voluntary_switches = after.voluntary_switches - before.voluntary_switches;
  report.sample.involuntary_switches = after.involuntary_switches - before.involuntary_switches;
  report.sample.disk_read_bytes = after.disk_read_bytes - before.disk_read_bytes;
  report.sample.rss_anon_bytes = memory.anonymous_bytes;
  report.sample.peak_rss_bytes = memory.peak_bytes;
  put_receipt(report, receipt);
}

struct Opened {
  Sink sink;
  OwnedFd keep;  ///< outlives the transfer: what closing costs is not measured
};

/// The socket is lent and blocks, as a plain program would have it: transfer() may wait in the
/// kernel then. The file is owned, since sendfile(2) moves a file's own offset.
Result<Opened> open_sink(const Payload& payload, SinkKind kind, FdRef listener) {
  if (kind == SinkKind::tcp) {
    Result<OwnedFd> socket = os::connect_to_listener(listener);
    if (!socket) return std::unexpected(socket.error());
    return Opened{Sink::socket(socket->ref()), std::move(*socket)};
  }
  Result<OwnedFd> file = os::nameless_file(payload.folder);
  if (!file) return std::unexpected(file.error());
  Result<OwnedFd> given = os::duplicate(*file);
  if (!given) return std::unexpected(given.error());
  return Opened{Sink::file(std::move(*given)), std::move(*file)};
}

int run_mover(const os::ParentLink& parent, const Payload& payload, SinkKind kind, FdRef listener,
              const Way& way) {
  MoverReport report;
  Result<Opened> opened = open_sink(payload, kind, listener);
  Result<Context> context = Context::create();
  if (!opened) put_message(report, opened.error().message());
  if (!context) put_message(report, context.error().message());
  if (!parent.send(std::as_bytes(std::span("r", 1))) || !parent.wait_for_go()) return 1;
  if (!report.failed) {
    move_and_measure(report, *context, Source::file(payload.file, {0, payload.size}),
                     std::move(opened->sink), way);
    if (kind == SinkKind::file) report.in_file = os::size_of(opened->keep).value_or(0);
    opened->keep.reset();  // the receiver reads the end of the stream
  }
  return parent.send(bytes_of(report)) ? 0 : 1;
}

int run_receiver(const os::ParentLink& parent, FdRef listener) {
  ReceiverReport report;
  const Result<OwnedFd> socket = os::accept_one(listener);
  const Result<std::uint64_t> received =
      socket ? os::discard_to_end(*socket) : std::unexpected(socket.error());
  report.failed = !received;
  report.received = received.value_or(0);
  return parent.send(bytes_of(report)) ? 0 : 1;
}

Failure failure_of(const Error& error) { return {error.message(), false}; }

Failure mismatch(std::string_view where, std::uint64_t got, std::uint64_t wanted) {
  return {fmt::format("wrong number of bytes {}: {} instead of {}", where, got, wanted), false};
}

/// Waits for the report of a child and for its end.
template <class Report>
Result<os::ChildEnd> collect(os::ChildProcess& child, Report& report, Clock::time_point deadline) {
  const Result<void> received = child.receive(bytes_of(report), deadline);
  if (!received) return std::unexpected(received.error());
  return child.wait();
}

/// A run slower than this hangs: far below what any disk or loaded machine gives.
Clock::time_point hang_deadline(std::uint64_t size) {
  return Clock::now() + std::chrono::seconds(60) + std::chrono::seconds(size >> 24);
}

std::expected<MoverReport, Failure> drive_mover(os::ChildProcess& mover,
                                                Clock::time_point deadline) {
  std::byte ready{};
  if (const auto got = mover.receive({&ready, 1}, deadline); !got) {
    return std::unexpected(failure_of(got.error()));
  }
  if (const auto sent = mover.go(); !sent) return std::unexpected(failure_of(sent.error()));
  MoverReport report;
  if (const auto end = collect(mover, report, deadline); !end) {
    return std::unexpected(failure_of(end.error()));
  }
  if (report.failed) return std::unexpected(Failure{report.message.data(), report.refused});
  return report;
}

std::expected<Sample, Failure> measure_to_file(const Payload& payload, const Way& way) {
  auto mover = os::ChildProcess::start([&](const os::ParentLink& parent) {
    return run_mover(parent, payload, SinkKind::file, {}, way);
  });
  if (!mover) return std::unexpected(failure_of(mover.error()));
  const auto report = drive_mover(*mover, hang_deadline(payload.size));
  if (!report) return std::unexpected(report.error());
  if (report->delivered != payload.size) {
    return std::unexpected(mismatch("delivered", report->delivered, payload.size));
  }
  if (report->in_file != payload.size) {
    return std::unexpected(mismatch("in the new file", report->in_file, payload.size));
  }
  return report->sample;
}

std::expected<Sample, Failure> measure_to_tcp(const Payload& payload, const Way& way) {
  const Result<OwnedFd> listener = os::listen_on_loopback();
  if (!listener) return std::unexpected(failure_of(listener.error()));
  auto receiver = os::ChildProcess::start(
      [&](const os::ParentLink& parent) { return run_receiver(parent, *listener); });
  if (!receiver) return std::unexpected(failure_of(receiver.error()));
  auto mover = os::ChildProcess::start([&](const os::ParentLink& parent) {
    return run_mover(parent, payload, SinkKind::tcp, *listener, way);
  });
  if (!mover) return std::unexpected(failure_of(mover.error()));

  const Clock::time_point deadline = hang_deadline(payload.size);
  auto report = drive_mover(*mover, deadline);
  if (!report) return std::unexpected(report.error());
  ReceiverReport received;
  const auto receiver_end = collect(*receiver, received, deadline);
  if (!receiver_end) return std::unexpected(failure_of(receiver_end.error()));
  if (received.failed) return std::unexpected(Failure{"the receiver failed", false});
  if (report->delivered != payload.size) {
    return std::unexpected(mismatch("delivered", report->delivered, payload.size));
  }
  if (received.received != payload.size) {
    return std::unexpected(mismatch("at the receiver", received.received, payload.size));
  }
  report->sample.receiver_cpu_s = receiver_end->cpu_s;
  return report->sample;
}

}  // namespace

std::string_view name_of(SinkKind sink) noexcept { return sink == SinkKind::tcp ? "tcp" : "file"; }

std::expected<Sample, Failure> measure(const Payload& payload, SinkKind sink, const Way& way) {
  return sink == SinkKind::tcp ? measure_to_tcp(payload, way) : measure_to_file(payload, way);
}

}  // namespace leat::app::bench
