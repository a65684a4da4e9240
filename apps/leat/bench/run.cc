#include "bench/run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/transfer.h>

#include "bench/ends.h"
#include "bench/peers.h"
#include "bench/requests.h"
#include "os/child_process.h"
#include "os/host.h"
#include "os/payload_file.h"
#include "os/requests.h"

namespace leat::app::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// The kernel lets go of lent memory once the receiver has it, which never stops reading.
constexpr std::chrono::seconds settling_time{10};

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

std::span<std::byte> bytes_of(MoverReport& report) {
  return std::as_writable_bytes(std::span(&report, 1));
}

void put_message(MoverReport& report, std::string_view text) {
  report.failed = true;
  text = text.substr(0, report.message.size() - 1);
  std::copy(text.begin(), text.end(), report.message.begin());
}

/// Adds it to those before.
void put_receipt(MoverReport& report, const Receipt& receipt) {
  Sample& sample = report.sample;
  sample.calls += static_cast<double>(receipt.waits);
  std::uint64_t most = 0;
  for (const Leg& leg : receipt.legs) {
    sample.calls += static_cast<double>(leg.calls);
    sample.cpu_copied_bytes += leg.cpu_copied_bytes;
    // Of several legs the least certain one decides how the sum is known.
    sample.known_by = std::max(sample.known_by, leg.known_by);
    if (leg.bytes >= most) {
      most = leg.bytes;
      sample.picked = leg.mechanism;
    }
  }
  report.delivered += receipt.delivered;
  if (receipt.ok()) return;
  report.refused =
      !receipt.refusals.empty() || (receipt.error && receipt.error->is(Errc::does_not_fit));
  put_message(report, receipt.error ? receipt.error->message()
                                    : fmt::format("ended with {}", leat::name_of(receipt.ending)));
}

/// The measured stretch: from the first call of the first transfer to the last receipt. To be told
/// what became of lent memory is work of the sender too, but not time that the sender has to wait.
void move_and_measure(MoverReport& report, Context& context, Ends& ends, const Way& way) {
  Options options;
  options.mechanism = way.mechanism;
  options.tuning.block_bytes = way.block_bytes;
  std::vector<Receipt> receipts;
  receipts.reserve(ends.moves.size());
  const double waited_before = os::waited_for_processor_s();
  const os::Used before = os::process_used();
  const Clock::time_point start = Clock::now();
  for (Move& move : ends.moves) {
    receipts.push_back(transfer(context, std::move(move.source), std::move(move.sink), options));
    if (!receipts.back().ok()) break;
  }
  const std::chrono::duration<double> wall = Clock::now() - start;
  const Clock::time_point settled_by = Clock::now() + settling_time;
  for (Receipt& receipt : receipts) {
    if (ends.connection) ends.connection->settle(receipt, settled_by);
  }
  const os::Used after = os::process_used();
  const double waited_s = os::waited_for_processor_s() - waited_before;

  const os::Memory memory = os::process_memory();
  report.sample.wall_s = wall.count();
  report.sample.waited_share = waited_s / wall.count();
  report.sample.user_s = after.user_s - before.user_s;
  report.sample.system_s = after.system_s - before.system_s;
  report.sample.voluntary_switches =
      static_cast<double>(after.voluntary_switches - before.voluntary_switches);
  report.sample.involuntary_switches =
      static_cast<double>(after.involuntary_switches - before.involuntary_switches);
  report.sample.disk_read_bytes = after.disk_read_bytes - before.disk_read_bytes;
  report.sample.disk_written_bytes = after.disk_written_bytes - before.disk_written_bytes;
  report.sample.rss_anon_bytes = memory.anonymous_bytes;
  report.sample.peak_rss_bytes = memory.peak_bytes;
  report.sample.known_by = KnownBy::construction;
  for (const Receipt& receipt : receipts) put_receipt(report, receipt);
}

int run_mover(const os::ParentLink& parent, const Payload& payload, const Pair& pair,
              Meeting& meeting, const Way& way) {
  MoverReport report;
  if (pair.placed) os::stay_on_processor(0);
  Result<Context> context = Context::create({.costs = payload.costs});
  Result<Ends> ends = context ? open_ends(*context, payload, pair, meeting)
                              : Result<Ends>(std::unexpected(context.error()));
  if (!ends) put_message(report, ends.error().message());
  if (!parent.send(std::as_bytes(std::span("r", 1))) || !parent.wait_for_go()) return 1;
  if (!report.failed) {
    move_and_measure(report, *context, *ends, way);
    if (pair.sink == SinkKind::file) {
      report.in_file = os::size_of(ends->sink_fd).value_or(0);
      report.sample.page_cache_growth_bytes =
          os::resident_bytes(ends->sink_fd, report.in_file).value_or(0);
    }
    ends->close_sink();
  }
  return parent.send(bytes_of(report)) ? 0 : 1;
}

Failure failure_of(const Error& error) { return {error.message(), false}; }

/// A run slower than this hangs: far below what any disk or loaded machine gives.
Clock::time_point hang_deadline(std::uint64_t size) {
  return Clock::now() + std::chrono::seconds(60) + std::chrono::seconds(size >> 24);
}

/// Waits until the mover is ready, lets it and its feeder go, and waits for its report and its end.
std::expected<MoverReport, Failure> drive(os::ChildProcess& mover, Peers& peers,
                                          const WhenReady& when_ready, Clock::time_point deadline) {
  std::byte ready{};
  if (const auto got = mover.receive({&ready, 1}, deadline); !got) {
    return std::unexpected(failure_of(got.error()));
  }
  if (when_ready) when_ready(mover.process());
  if (const auto sent = mover.go(); !sent) return std::unexpected(failure_of(sent.error()));
  if (const auto sent = peers.go(); !sent) return std::unexpected(failure_of(sent.error()));
  MoverReport report;
  if (const auto got = mover.receive(bytes_of(report), deadline); !got) {
    return std::unexpected(failure_of(got.error()));
  }
  if (const auto end = mover.wait(); !end) return std::unexpected(failure_of(end.error()));
  if (report.failed) return std::unexpected(Failure{report.message.data(), report.refused});
  return report;
}

/// What moves reads the file, or a process that feeds it does; memory was read before. Of a cold
/// file more may be read than is moved.
std::uint64_t resident_source(const Payload& payload, const Pair& pair) {
  if (pair.source == SourceKind::memory) return 0;
  const std::uint64_t size =
      pair.cache == Cache::cold ? os::size_of(payload.file).value_or(payload.size) : payload.size;
  return os::resident_bytes(payload.file, size).value_or(0);
}

/// From figures of the run to those of each transfer.
void share_out(Sample& sample, std::uint64_t repeats) {
  const auto count = static_cast<double>(repeats);
  for (double* figure : {&sample.wall_s, &sample.user_s, &sample.system_s,
                         &sample.voluntary_switches, &sample.involuntary_switches, &sample.calls}) {
    *figure /= count;
  }
  if (sample.receiver_cpu_s) *sample.receiver_cpu_s /= count;
  if (sample.feeder_cpu_s) *sample.feeder_cpu_s /= count;
  for (std::uint64_t* figure : {&sample.cpu_copied_bytes, &sample.disk_read_bytes,
                                &sample.disk_written_bytes, &sample.page_cache_growth_bytes}) {
    *figure /= repeats;
  }
}

}  // namespace

std::uint64_t repeats_of(const Pair& pair, std::uint64_t size) noexcept {
  const std::uint64_t long_enough = pair.brief ? 16u << 20 : 64u << 20;
  constexpr std::uint64_t most = 512;  // each to a file has a descriptor of its own
  if (pair.cache == Cache::cold || is_by_request(pair, size) || size == 0) return 1;
  return std::clamp<std::uint64_t>((long_enough + size - 1) / size, 1, most);
}

std::string_view name_of(SourceKind source) noexcept {
  switch (source) {
    case SourceKind::file: return "file";
    case SourceKind::memory: return "memory";
    case SourceKind::pipe: return "pipe";
    case SourceKind::tcp: return "tcp";
  }
  return "unknown";
}

std::string_view name_of(SinkKind sink) noexcept {
  switch (sink) {
    case SinkKind::tcp: return "tcp";
    case SinkKind::unix_socket: return "unix";
    case SinkKind::pipe: return "pipe";
    case SinkKind::file: return "file";
  }
  return "unknown";
}

std::string_view name_of(Receiver receiver) noexcept {
  return receiver == Receiver::copy ? "copy" : "truncate";
}

std::string_view name_of(Cache cache) noexcept { return cache == Cache::cold ? "cold" : "warm"; }

std::string_view name_of(ByHand by_hand) noexcept {
  switch (by_hand) {
    case ByHand::none: return "";
    case ByHand::send: return "send(2)";
    case ByHand::write: return "write(2)";
    case ByHand::sendmsg: return "sendmsg(2)";
    case ByHand::sendfile: return "sendfile(2)";
    case ByHand::splice: return "splice(2)";
    case ByHand::read_send: return "pread+send";
    case ByHand::read_write: return "pread+write";
  }
  return "unknown";
}

std::string_view path_of(const Pair& pair) noexcept {
  if (!pair.over_tcp()) return name_of(pair.sink);
  return pair.path == Path::veth ? "veth" : "loopback";
}

std::string describe(const Pair& pair) {
  std::string text = fmt::format("{} to {}", name_of(pair.source), name_of(pair.sink));
  if (pair.over_tcp() && pair.path == Path::veth) text += " over veth";
  if (pair.is_received() && pair.receiver == Receiver::copy) text += ", receiver copy";
  if (pair.cache == Cache::cold) text += ", cold";
  return text;
}

std::expected<Sample, Failure> measure(const Payload& payload, const Pair& pair, const Way& way,
                                       const WhenReady& when_ready) {
  if (is_by_request(pair, payload.size)) return measure_requests(payload, pair, way, when_ready);
  const std::uint64_t resident_before = resident_source(payload, pair);
  Result<Meeting> meeting = arrange(payload, pair);
  if (!meeting) return std::unexpected(failure_of(meeting.error()));
  Result<Peers> peers = Peers::start(payload, pair, *meeting);
  if (!peers) return std::unexpected(failure_of(peers.error()));
  auto mover = os::ChildProcess::start([&](const os::ParentLink& parent) {
    return run_mover(parent, payload, pair, *meeting, way);
  });
  if (!mover) return std::unexpected(failure_of(mover.error()));
  // The mover's alone: else a feeder would outlive it, and a receiver's stream would not end.
  meeting->source_pipe.out.reset();
  meeting->sink_pipe.in.reset();

  const std::uint64_t repeats = repeats_of(pair, payload.size);
  const std::uint64_t total = repeats * payload.size;
  const Clock::time_point deadline = hang_deadline(total);
  auto report = drive(*mover, *peers, when_ready, deadline);
  if (!report) return std::unexpected(peers->explain(report.error()));
  if (report->delivered != total) {
    return std::unexpected(mismatch("delivered", report->delivered, total));
  }
  const std::uint64_t file_size = (repeats - 1) * stride_of(payload.size) + payload.size;
  if (pair.sink == SinkKind::file && report->in_file != file_size) {
    return std::unexpected(mismatch("in the new file", report->in_file, file_size));
  }
  if (const auto finished = peers->finish(report->sample, total, deadline); !finished) {
    return std::unexpected(finished.error());
  }
  const std::uint64_t resident_after = resident_source(payload, pair);
  if (resident_after > resident_before) {
    report->sample.page_cache_growth_bytes += resident_after - resident_before;
  }
  share_out(report->sample, repeats);
  return report->sample;
}

}  // namespace leat::app::bench
