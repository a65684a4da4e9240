#include "bench/requests.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/endpoint.h>
#include <leat/transfer.h>

#include "bench/ends.h"
#include "bench/rounds.h"
#include "bench/statistics.h"
#include "os/by_hand.h"
#include "os/child_process.h"
#include "os/host.h"
#include "os/loopback.h"
#include "os/payload_file.h"
#include "os/process.h"
#include "os/requests.h"

namespace leat::app::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// Long enough that the socket's buffer has grown and the processors have woken up.
constexpr std::uint64_t uncounted = 500;

constexpr std::chrono::seconds settling_time{10};
constexpr std::chrono::seconds hang_time{120};

/// What the mover says of its run. It goes through a pipe as it is: the child is a fork.
struct MoverReport {
  Sample sample;
  bool failed = false;
  bool refused = false;
  std::array<char, 400> message{};
};
struct AskerReport {
  double p50_s = 0;
  double p99_s = 0;
  double cpu_s = 0;
  bool failed = false;
};
static_assert(std::is_trivially_copyable_v<MoverReport> &&
              std::is_trivially_copyable_v<AskerReport>);

template <class Report>
std::span<std::byte> bytes_of(Report& report) {
  return std::as_writable_bytes(std::span(&report, 1));
}

Failure failure_of(const Error& error) { return {error.message(), false}; }

/// Reading from the disk each time takes so long that fewer are enough.
std::uint64_t requests_of(const Way& way, std::uint64_t requests) {
  constexpr std::uint64_t fewer = 16;
  const bool from_disk = way.mechanism && way.mechanism.name() == "direct_io";
  return from_disk ? requests / fewer : requests;
}

/// Of each byte, by the CPU, as the calls are built.
std::uint64_t copies_of(ByHand by_hand) {
  switch (by_hand) {
    case ByHand::none:
    case ByHand::sendfile:
    case ByHand::splice: return 0;
    case ByHand::send:
    case ByHand::write:
    case ByHand::sendmsg: return 1;
    case ByHand::read_send:
    case ByHand::read_write: break;
  }
  return 2;
}

/// The moving side of one run.
class Server {
 public:
  Server(const Payload& payload, const Pair& pair, const Way& way, bool may_lend)
      : file_(payload.file),
        size_(payload.size),
        from_memory_(pair.source == SourceKind::memory),
        is_tcp_(pair.sink == SinkKind::tcp),
        to_pipe_(pair.sink == SinkKind::pipe),
        may_lend_(may_lend),
        costs_(payload.costs) {
    options_.mechanism = way.mechanism;
    options_.tuning.block_bytes = way.block_bytes;
    asks_for_nothing_ = !way.mechanism && way.block_bytes == 0;
  }

  /// Takes the mover's end of the pipe from the meeting, if the answers go into one.
  Result<void> connect(Meeting& meeting) {
    Result<OwnedFd> socket = os::connect_to_listener(meeting.receiver);
    if (!socket) return std::unexpected(socket.error());
    if (is_tcp_) {
      if (const auto set = os::set_nodelay(*socket); !set) return set;
    }
    Result<Context> context =
        Context::create({.sigpipe = Sigpipe::ignored_by_caller, .costs = costs_});
    if (!context) return std::unexpected(context.error());
    context_.emplace(std::move(*context));
    Result<Connection> connection = Connection::adopt(*context_, std::move(*socket));
    if (!connection) return std::unexpected(connection.error());
    connection_.emplace(std::move(*connection));
    if (!to_pipe_) return {};
    meeting.sink_pipe.out.reset();
    pipe_ = std::move(meeting.sink_pipe.in);
    return os::make_nonblocking(pipe_);
  }

  /// Pages of their own: only these may be lent in every way that leat has.
  Result<void> prepare() {
    Result<Buffer> pages = Buffer::pages(size_);
    if (!pages) return std::unexpected(pages.error());
    if (const auto read = os::read_into(file_, pages->bytes().first(size_)); !read) return read;
    memory_ = std::move(*pages).freeze(size_);
    buffer_.resize(size_);
    return {};
  }

  /// What the kernel may read beyond the call has to be a slice.
  Source source() const {
    if (!from_memory_) return Source::file(file_, {0, size_});
    return may_lend_ ? Source(memory_) : Source(memory_.bytes());
  }
  Sink sink() { return to_pipe_ ? Sink::pipe(pipe_.ref()) : Sink(*connection_); }

  /// Waits for a request. Where leat has lent memory the kernel gives it back meanwhile.
  Result<void> wait() {
    for (;;) {
      const auto arrived = os::wait_for_request(connection_->fd());
      if (!arrived) return std::unexpected(arrived.error());
      if (*arrived == os::Arrived::request) return {};
      connection_->settle(last_, Clock::now());
    }
  }

  std::expected<void, Failure> answer(ByHand by_hand) {
    if (by_hand == ByHand::none) return answer_by_leat();
    const auto calls = call(by_hand);
    if (!calls) return std::unexpected(failure_of(calls.error()));
    calls_ += *calls;
    return {};
  }

  void begin_counting() { calls_ = 0; }

  /// The kernel's verdict on the last transfer comes later than its receipt.
  void settle() { connection_->settle(last_, Clock::now() + settling_time); }

  void tell(ByHand by_hand, Sample& sample) const {
    sample.calls = static_cast<double>(calls_);
    sample.known_by = KnownBy::construction;
    sample.cpu_copied_bytes = copies_of(by_hand) * size_;
    for (const Leg& leg : last_.legs) {
      sample.cpu_copied_bytes += leg.cpu_copied_bytes;
      sample.known_by = leg.known_by;
      sample.picked = leg.mechanism;
    }
  }

 private:
  std::expected<void, Failure> answer_by_leat() {
    // What nothing is asked of is called as a program would call it.
    const Receipt receipt = asks_for_nothing_ ? transfer(*context_, source(), sink())
                                              : transfer(*context_, source(), sink(), options_);
    calls_ += receipt.waits;
    bool lent = false;
    for (const Leg& leg : receipt.legs) {
      calls_ += leg.calls;
      lent |= leg.known_by == KnownBy::pending;
    }
    if (!receipt.ok() || receipt.delivered != size_) return failed(receipt);
    if (lent || last_.legs.empty()) last_ = receipt;
    return {};
  }

  [[gnu::cold]] static std::expected<void, Failure> failed(const Receipt& receipt) {
    const bool refused =
        !receipt.refusals.empty() || (receipt.error && receipt.error->is(Errc::does_not_fit));
    return std::unexpected(
        Failure{receipt.error ? receipt.error->message()
                              : fmt::format("ended with {}", leat::name_of(receipt.ending)),
                refused});
  }

  Result<std::uint32_t> call(ByHand by_hand) {
    const FdRef to = to_pipe_ ? pipe_.ref() : connection_->fd();
    switch (by_hand) {
      case ByHand::write: return os::write_by_hand(to, memory_.bytes());
      case ByHand::sendmsg: return os::sendmsg_by_hand(to, memory_.bytes());
      case ByHand::sendfile: return os::sendfile_by_hand(to, file_, size_);
      case ByHand::splice: return os::splice_by_hand(to, file_, size_);
      case ByHand::read_send: return os::read_send_by_hand(to, file_, buffer_);
      case ByHand::read_write: return os::read_write_by_hand(to, file_, buffer_);
      case ByHand::send:
      case ByHand::none: break;
    }
    return os::send_by_hand(to, memory_.bytes());
  }

  FdRef file_;
  std::uint64_t size_;
  bool from_memory_;
  bool is_tcp_;
  bool to_pipe_;
  bool may_lend_;
  std::shared_ptr<const Costs> costs_;
  Options options_;
  bool asks_for_nothing_ = true;
  Slice memory_;
  std::vector<std::byte> buffer_;
  std::optional<Context> context_;
  std::optional<Connection> connection_;  // brings the requests
  OwnedFd pipe_;                          // takes the answers, if the connection does not
  Receipt last_;
  std::uint64_t calls_ = 0;
};

/// Answers all requests; what it used is of those that count.
std::expected<void, Failure> serve(Server& server, const Way& way, std::uint64_t requests,
                                   Sample& sample) {
  os::Used before;
  for (std::uint64_t i = 0; i < uncounted + requests; ++i) {
    if (i == uncounted) {
      before = os::process_used();
      server.begin_counting();
    }
    if (const auto asked = server.wait(); !asked) {
      return std::unexpected(failure_of(asked.error()));
    }
    if (const auto answered = server.answer(way.by_hand); !answered) return answered;
  }
  if (way.by_hand == ByHand::none) server.settle();
  const os::Used after = os::process_used();
  const os::Memory memory = os::process_memory();
  const auto count = static_cast<double>(requests);
  sample.user_s = (after.user_s - before.user_s) / count;
  sample.system_s = (after.system_s - before.system_s) / count;
  sample.voluntary_switches =
      static_cast<double>(after.voluntary_switches - before.voluntary_switches) / count;
  sample.involuntary_switches =
      static_cast<double>(after.involuntary_switches - before.involuntary_switches) / count;
  sample.disk_read_bytes = (after.disk_read_bytes - before.disk_read_bytes) / requests;
  sample.rss_anon_bytes = memory.anonymous_bytes;
  sample.peak_rss_bytes = memory.peak_bytes;
  server.tell(way.by_hand, sample);
  sample.calls /= count;
  return {};
}

int run_mover(const os::ParentLink& parent, const Payload& payload, const Pair& pair,
              Meeting& meeting, const Way& way) {
  os::ignore_signals_of_writing();
  os::stay_on_processor(0);
  MoverReport report;
  // To a socket leat's own choice and its read_write have memory as a server lends it, for the
  // call.
  const bool keeps =
      pair.sink == SinkKind::pipe || (way.mechanism && way.mechanism.name() != "read_write");
  Server server(payload, pair, way, keeps);
  Result<void> made = server.connect(meeting);
  if (made) made = server.prepare();
  std::expected<void, Failure> served;
  if (!made) served = std::unexpected(failure_of(made.error()));
  if (!parent.send(std::as_bytes(std::span("r", 1))) || !parent.wait_for_go()) return 1;
  if (served) {
    served =
        serve(server, way, requests_of(way, requests_of_run(pair, payload.size)), report.sample);
  }
  if (!served) {
    report.failed = true;
    report.refused = served.error().refused;
    const std::string_view text =
        std::string_view(served.error().message).substr(0, report.message.size() - 1);
    std::copy(text.begin(), text.end(), report.message.begin());
  }
  return parent.send(bytes_of(report)) ? 0 : 1;
}

/// The answer comes by the pipe if there is one.
Result<double> ask_once(FdRef socket, FdRef pipe, std::span<std::byte> room) {
  const Clock::time_point start = Clock::now();
  if (const auto asked = os::ask(socket); !asked) return std::unexpected(asked.error());
  const auto received =
      pipe.valid() ? os::read_answer(pipe, room) : os::receive_answer(socket, room);
  if (!received) return std::unexpected(received.error());
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Result<AskerReport> ask_all(Meeting& meeting, std::uint64_t size, std::uint64_t requests) {
  meeting.sink_pipe.in.reset();  // else it would not see the mover end
  const Result<OwnedFd> socket = os::accept_one(meeting.receiver);
  if (!socket) return std::unexpected(socket.error());
  std::vector<std::byte> room(size);
  std::vector<double> spent;
  spent.reserve(requests);
  os::Used before;
  for (std::uint64_t i = 0; i < uncounted + requests; ++i) {
    if (i == uncounted) before = os::process_used();
    const auto latency = ask_once(*socket, meeting.sink_pipe.out, room);
    if (!latency) return std::unexpected(latency.error());
    if (i >= uncounted) spent.push_back(*latency);
  }
  const os::Used after = os::process_used();
  const double cpu_s = after.user_s + after.system_s - before.user_s - before.system_s;
  return AskerReport{.p50_s = percentile(spent, 0.5),
                     .p99_s = percentile(spent, 0.99),
                     .cpu_s = cpu_s / static_cast<double>(requests)};
}

int run_asker(const os::ParentLink& parent, Meeting& meeting, std::uint64_t size,
              std::uint64_t requests) {
  os::stay_on_processor(0);
  AskerReport report{.failed = true};
  if (const auto asked = ask_all(meeting, size, requests)) report = *asked;
  return parent.send(bytes_of(report)) ? 0 : 1;
}

/// A pipe takes the answers only: requests for it come over a UNIX socket.
Result<Meeting> arrange_requests(const Payload& payload, const Pair& pair) {
  Result<Meeting> meeting = arrange(payload, pair);
  if (!meeting || pair.sink != SinkKind::pipe) return meeting;
  Result<OwnedFd> listener = os::listen_on_abstract_name();
  if (!listener) return std::unexpected(listener.error());
  meeting->receiver = std::move(*listener);
  return meeting;
}

template <class Report>
std::expected<Report, Failure> report_of(os::ChildProcess& child, Clock::time_point deadline) {
  Report report;
  if (const auto got = child.receive(bytes_of(report), deadline); !got) {
    return std::unexpected(failure_of(got.error()));
  }
  if (const auto end = child.wait(); !end) return std::unexpected(failure_of(end.error()));
  return report;
}

std::expected<Sample, Failure> drive(os::ChildProcess& mover, os::ChildProcess& asker,
                                     const WhenReady& when_ready) {
  const Clock::time_point deadline = Clock::now() + hang_time;
  std::byte ready{};
  if (const auto got = mover.receive({&ready, 1}, deadline); !got) {
    return std::unexpected(failure_of(got.error()));
  }
  if (when_ready) when_ready(mover.process());
  if (const auto sent = mover.go(); !sent) return std::unexpected(failure_of(sent.error()));
  const auto moved = report_of<MoverReport>(mover, deadline);
  if (!moved) return std::unexpected(moved.error());
  if (moved->failed) return std::unexpected(Failure{moved->message.data(), moved->refused});
  const auto asked = report_of<AskerReport>(asker, deadline);
  if (!asked) return std::unexpected(asked.error());
  if (asked->failed) return std::unexpected(Failure{"the asking process failed", false});
  Sample sample = moved->sample;
  sample.wall_s = asked->p50_s;
  sample.latency_p50_s = asked->p50_s;
  sample.latency_p99_s = asked->p99_s;
  sample.receiver_cpu_s = asked->cpu_s;
  return sample;
}

}  // namespace

bool is_by_request(const Pair& pair, std::uint64_t size) noexcept {
  const bool again = pair.source == SourceKind::file || pair.source == SourceKind::memory;
  return again && pair.is_received() && pair.cache == Cache::warm && size <= small_bytes;
}

std::uint64_t requests_of_run(const Pair& pair, std::uint64_t size) noexcept {
  constexpr std::uint64_t medium_bytes = 16u << 10;
  if (!is_by_request(pair, size)) return 0;
  const std::uint64_t requests = size <= medium_bytes ? 16000 : 8000;
  return pair.brief ? requests / 16 : requests;
}

std::span<const ByHand> calls_by_hand(const Pair& pair) noexcept {
  static constexpr std::array of_memory{ByHand::send, ByHand::write, ByHand::sendmsg};
  static constexpr std::array of_file{ByHand::sendfile, ByHand::read_send};
  static constexpr std::array of_memory_to_pipe{ByHand::write};
  static constexpr std::array of_file_to_pipe{ByHand::splice, ByHand::read_write};
  const bool from_memory = pair.source == SourceKind::memory;
  if (pair.sink == SinkKind::pipe) {
    if (from_memory) return of_memory_to_pipe;
    return of_file_to_pipe;
  }
  if (from_memory) return of_memory;
  return of_file;
}

std::expected<Plan, std::string> plan_requests(const Payload& payload, const Pair& pair) {
  Result<Meeting> meeting = arrange_requests(payload, pair);
  if (!meeting) return std::unexpected(meeting.error().message());
  Server server(payload, pair, {}, true);
  Result<void> made = server.connect(*meeting);
  if (made) made = server.prepare();
  if (!made) return std::unexpected(made.error().message());
  const Costs& costs = payload.costs ? *payload.costs : Costs::shipped();
  return plan(server.source(), server.sink(), {}, costs);
}

std::expected<Sample, Failure> measure_requests(const Payload& payload, const Pair& pair,
                                                const Way& way, const WhenReady& when_ready) {
  Result<Meeting> meeting = arrange_requests(payload, pair);
  if (!meeting) return std::unexpected(failure_of(meeting.error()));
  auto asker = os::ChildProcess::start([&](const os::ParentLink& parent) {
    return run_asker(parent, *meeting, payload.size,
                     requests_of(way, requests_of_run(pair, payload.size)));
  });
  if (!asker) return std::unexpected(failure_of(asker.error()));
  auto mover = os::ChildProcess::start([&](const os::ParentLink& parent) {
    return run_mover(parent, payload, pair, *meeting, way);
  });
  if (!mover) return std::unexpected(failure_of(mover.error()));
  meeting->sink_pipe = {};
  return drive(*mover, *asker, when_ready);
}

}  // namespace leat::app::bench
