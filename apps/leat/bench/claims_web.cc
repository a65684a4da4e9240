#include "bench/claims_web.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

#include <leat/connection.h>
#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/transfer.h>

#include "os/child_process.h"
#include "os/host.h"
#include "os/loopback.h"
#include "os/payload_file.h"
#include "os/process.h"
#include "os/requests.h"
#include "os/single_calls.h"

namespace leat::app::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view request = "GET /file HTTP/1.1\r\nHost: leat.example\r\n\r\n";
/// Before those that count: cold code, the windows of TCP.
constexpr unsigned warm_up_requests = 32;

/// Both go through a pipe as they are: the children are forks.
struct Message {
  bool failed = false;
  bool refused = false;
  std::array<char, 300> text{};

  void put(std::string_view words) {
    failed = true;
    words = words.substr(0, text.size() - 1);
    std::copy(words.begin(), words.end(), text.begin());
  }
};
struct ServerReport {
  Message message;
  double cpu_s = 0;
  double calls = 0;
  Mechanism body_by;
  double body_share = 0;
};
struct ClientReport {
  Message message;
  double wall_s = 0;
  double p50_us = 0;
  double p99_us = 0;
};
static_assert(std::is_trivially_copyable_v<ServerReport>);
static_assert(std::is_trivially_copyable_v<ClientReport>);

template <class Report>
std::span<std::byte> bytes_of(Report& report) {
  return std::as_writable_bytes(std::span(&report, 1));
}

/// As long as the work says, and like a real one.
std::string header_of(const WebWork& work) {
  if (work.header_bytes == 0) return {};
  std::string header = fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nX-Pad: ",
      work.body_bytes);
  const std::size_t end = header.size() + 4;
  if (work.header_bytes > end) header.append(work.header_bytes - end, 'x');
  return header + "\r\n\r\n";
}

Source response_of(const Payload& payload, const WebWork& work, const WebWay& way,
                   std::string_view header) {
  if (way.part_bytes == 0 && header.empty())
    return Source::file(payload.file, {0, work.body_bytes});
  if (way.part_bytes == 0) {
    return parts(Source(header), Source::file(payload.file, {0, work.body_bytes}));
  }
  std::vector<Source> list;
  if (!header.empty()) list.emplace_back(header);
  for (std::uint64_t at = 0; at < work.body_bytes; at += way.part_bytes) {
    const std::uint64_t length = std::min(way.part_bytes, work.body_bytes - at);
    list.push_back(Source::file(payload.file, {at, length}));
  }
  return make_parts(std::move(list));
}

/// Adds up what the receipts of a run say.
class Book {
 public:
  void add(const Receipt& receipt) {
    calls_ += static_cast<double>(receipt.waits);
    for (const Leg& leg : receipt.legs) {
      calls_ += static_cast<double>(leg.calls);
      bytes_ += leg.bytes;
      Leg* known = std::find_if(legs_.begin(), legs_.end(),
                                [&](const Leg& other) { return other.mechanism == leg.mechanism; });
      if (known == legs_.end()) known = &legs_.push_back({.mechanism = leg.mechanism});
      known->bytes += leg.bytes;
    }
  }
  void close(ServerReport& report, unsigned responses) const {
    report.calls = calls_ / responses;
    std::uint64_t most = 0;
    for (const Leg& leg : legs_) {
      if (leg.bytes < most) continue;
      most = leg.bytes;
      report.body_by = leg.mechanism;
    }
    if (bytes_ > 0) report.body_share = static_cast<double>(most) / static_cast<double>(bytes_);
  }

 private:
  double calls_ = 0;
  std::uint64_t bytes_ = 0;
  InlineList<Leg, 4> legs_;
};

/// False, and the report says why, once something went wrong.
bool check(ServerReport& report, const Receipt& receipt, std::string_view doing) {
  if (receipt.ok()) return true;
  report.message.put(fmt::format(
      "{}: {}", doing,
      receipt.error ? receipt.error->message() : std::string(leat::name_of(receipt.ending))));
  report.message.refused =
      !receipt.refusals.empty() || (receipt.error && receipt.error->is(Errc::does_not_fit));
  return false;
}

void answer_all(ServerReport& report, Context& context, Connection& peer, const Payload& payload,
                const WebWork& work, const WebWay& way) {
  const std::string header = header_of(work);
  std::array<std::byte, request.size()> asked;
  Options options;
  options.mechanism = way.mechanism;
  options.tuning.block_bytes = way.block_bytes;
  Book book;
  os::Used before;
  for (unsigned i = 0; i < warm_up_requests + work.requests; ++i) {
    if (i == warm_up_requests) before = os::process_used();
    const Receipt read =
        transfer(context, Source(peer, asked.size()), Sink(std::span<std::byte>(asked)));
    if (!check(report, read, "reading a request")) return;
    const Receipt sent =
        transfer(context, response_of(payload, work, way, header), Sink(peer), options);
    if (!check(report, sent, "answering")) return;
    if (i >= warm_up_requests) book.add(sent);
  }
  const os::Used after = os::process_used();
  report.cpu_s = after.user_s + after.system_s - before.user_s - before.system_s;
  book.close(report, work.requests);
}

/// Its context is that of a server: SIGPIPE is ignored for good.
int run_server(const os::ParentLink& parent, FdRef listener, const Payload& payload,
               const WebWork& work, const WebWay& way) {
  os::ignore_signals_of_writing();
  ServerReport report;
  const auto serve = [&]() -> Result<void> {
    Result<Context> context = Context::create({.sigpipe = Sigpipe::ignored_by_caller});
    if (!context) return std::unexpected(context.error());
    Result<OwnedFd> socket = os::accept_one(listener);
    if (!socket) return std::unexpected(socket.error());
    if (const auto set = os::set_nodelay(*socket); !set) return set;
    Result<Connection> peer = Connection::adopt(*context, std::move(*socket));
    if (!peer) return std::unexpected(peer.error());
    answer_all(report, *context, *peer, payload, work, way);
    return {};
  };
  if (const auto served = serve(); !served) report.message.put(served.error().message());
  return parent.send(bytes_of(report)) ? 0 : 1;
}

Result<void> ask(Context& context, FdRef socket) {
  const Receipt sent = transfer(context, Source(request), Sink::socket(socket));
  if (sent.ok()) return {};
  return std::unexpected(sent.error.value_or(Error{}));
}

/// The first response, byte for byte.
Result<bool> is_right(Context& context, FdRef socket, const Payload& payload, const WebWork& work) {
  const std::string header = header_of(work);
  std::vector<std::byte> wanted(header.size() + work.body_bytes);
  std::transform(header.begin(), header.end(), wanted.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  const std::span<std::byte> body = std::span(wanted).subspan(header.size());
  if (const auto read = os::read_into(payload.file, body); !read) {
    return std::unexpected(read.error());
  }
  std::vector<std::byte> got(wanted.size());
  if (const auto asked = ask(context, socket); !asked) return std::unexpected(asked.error());
  const Receipt received =
      transfer(context, Source::socket(socket, got.size()), Sink(std::span<std::byte>(got)));
  if (!received.ok()) return std::unexpected(received.error.value_or(Error{}));
  return got == wanted;
}

Result<void> ask_all(ClientReport& report, Context& context, FdRef socket, const Payload& payload,
                     const WebWork& work) {
  const std::uint64_t response_bytes = header_of(work).size() + work.body_bytes;
  const Result<bool> right = is_right(context, socket, payload, work);
  if (!right) return std::unexpected(right.error());
  if (!*right) {
    report.message.put("the response is not the header and the file");
    return {};
  }
  std::vector<double> latencies;
  latencies.reserve(work.requests);
  Clock::time_point began;
  for (unsigned i = 1; i < warm_up_requests + work.requests; ++i) {
    const Clock::time_point start = Clock::now();
    if (i == warm_up_requests) began = start;
    if (const auto asked = ask(context, socket); !asked) return asked;
    if (const auto got = os::discard_exactly(socket, response_bytes); !got) return got;
    const std::chrono::duration<double, std::micro> took = Clock::now() - start;
    if (i >= warm_up_requests) latencies.push_back(took.count());
  }
  report.wall_s = std::chrono::duration<double>(Clock::now() - began).count();
  report.p50_us = percentile(latencies, 0.50);
  report.p99_us = percentile(latencies, 0.99);
  return {};
}

int run_client(const os::ParentLink& parent, FdRef listener, const Payload& payload,
               const WebWork& work) {
  ClientReport report;
  const auto ask_server = [&]() -> Result<void> {
    Result<Context> context = Context::create();
    if (!context) return std::unexpected(context.error());
    Result<OwnedFd> socket = os::connect_to_listener(listener);
    if (!socket) return std::unexpected(socket.error());
    if (const auto set = os::set_nodelay(*socket); !set) return set;
    return ask_all(report, *context, *socket, payload, work);
  };
  if (const auto done = ask_server(); !done) report.message.put(done.error().message());
  return parent.send(bytes_of(report)) ? 0 : 1;
}

Failure failure_of(const Error& error) { return {error.message(), false}; }

template <class Report>
std::expected<Report, Failure> collect(os::ChildProcess& child,
                                       os::ChildProcess::Deadline deadline) {
  Report report;
  if (const auto got = child.receive(bytes_of(report), deadline); !got) {
    return std::unexpected(failure_of(got.error()));
  }
  if (const auto end = child.wait(); !end) return std::unexpected(failure_of(end.error()));
  if (!report.message.failed) return report;
  return std::unexpected(Failure{report.message.text.data(), report.message.refused});
}

}  // namespace

std::expected<WebSample, Failure> measure_web(const Payload& payload, const WebWork& work,
                                              const WebWay& way) {
  Result<OwnedFd> listener = os::listen_on_loopback();
  if (!listener) return std::unexpected(failure_of(listener.error()));
  auto server = os::ChildProcess::start([&](const os::ParentLink& parent) {
    return run_server(parent, *listener, payload, work, way);
  });
  if (!server) return std::unexpected(failure_of(server.error()));
  auto client = os::ChildProcess::start(
      [&](const os::ParentLink& parent) { return run_client(parent, *listener, payload, work); });
  if (!client) return std::unexpected(failure_of(client.error()));
  // The server's own words say more than those of a client whose connection has ended.
  constexpr std::chrono::minutes hangs_after{2};
  const auto deadline = Clock::now() + hangs_after;
  const auto served = collect<ServerReport>(*server, deadline);
  if (!served) return std::unexpected(served.error());
  const auto asked = collect<ClientReport>(*client, deadline);
  if (!asked) return std::unexpected(asked.error());
  return WebSample{.wall_s = asked->wall_s,
                   .cpu_s = served->cpu_s,
                   .p50_us = asked->p50_us,
                   .p99_us = asked->p99_us,
                   .calls = served->calls,
                   .body_by = served->body_by,
                   .body_share = served->body_share};
}

}  // namespace leat::app::bench
