#include "copy/run.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <fmt/core.h>

#include <leat/context.h>
#include <leat/plan.h>
#include <leat/transfer.h>

#include "commands.h"
#include "copy/advice.h"
#include "copy/ends.h"
#include "digest.h"
#include "explain/plan_format.h"
#include "host_costs.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/wait.h"
#include "progress.h"
#include "receipt_format.h"
#include "sizes.h"

namespace leat::app::copy {
namespace {

constexpr FdRef standard_output{1};
constexpr FdRef standard_error{2};

struct Outcome {
  Receipt receipt;
  std::optional<DigestValue> digest;  // of a copy that is whole
  bool nothing_kept = false;          // a failure left DST as it was
  bool unanswered = false;            // the peer did not close within --close-timeout
};

Receipt receipt_of(Setback setback) {
  Receipt receipt;
  receipt.ending = setback.ending;
  if (setback.ending == Ending::failed) receipt.error = std::move(setback.error);
  return receipt;
}

bool shows_progress(const Request& request) {
  if (request.progress == Progress::nowhere || request.quiet || request.json) return false;
  if (request.progress == Progress::anywhere) return true;
  // On one terminal the bytes and the bar would overwrite each other.
  const bool to_stdout = request.sink.kind == EndpointAddress::Kind::standard_stream;
  if (to_stdout && os::is_terminal(standard_output)) return false;
  return os::is_terminal(standard_error);
}

Options options_of(const Request& request, const os::Patience& patience, bool replaces) {
  Options options;
  options.mechanism = request.mechanism;
  options.copies = request.copies;
  options.consistency = request.consistency;
  // A replacement syncs when it gets its name.
  if (!replaces) options.durability = request.durability;
  options.measure = true;
  options.rate_limit = request.bytes_per_second;
  options.deadline = patience.deadline;
  options.stop = patience.stop;
  options.tuning.block_bytes = request.block_bytes;
  return options;
}

/// Before anything moves, on standard error as the receipt is.
void explain_plan(const Source& source, const Sink& sink, const Options& options,
                  const HostCosts& host, const Request& request) {
  const Plan made = plan(source, sink, options, host.costs ? *host.costs : Costs::shipped());
  const std::string source_name = format_endpoint_address(request.source);
  const std::string sink_name = format_endpoint_address(request.sink);
  const explain::Names names{source_name, sink_name, host.origin};
  os::tell(request.json ? explain::plan_json(made, names).dump() + "\n"
                        : explain::plan_text(made, names) + "\n");
}

Receipt move_bytes(Context& context, const HostCosts& host, Ends& ends, const Request& request,
                   const os::Patience& patience, std::optional<Digest>& digest) {
  Options options = options_of(request, patience, ends.discards_on_failure());
  std::optional<ProgressBar> bar;
  if (shows_progress(request)) {
    bar.emplace(ends.expected_bytes());
    options.progress = [&bar](const Step& step) { bar->update(step.delivered); };
  }
  if (digest) options.witness = [&digest](std::span<const std::byte> bytes) { digest->add(bytes); };
  Source source = ends.take_source();
  Sink sink = ends.take_sink();
  if (request.explain) explain_plan(source, sink, options, host, request);
  return transfer(context, std::move(source), std::move(sink), options);
}

void fail(Receipt& receipt, Error error) {
  receipt.ending = Ending::failed;
  receipt.error = std::move(error);
}

Outcome perform(const Request& request, const os::Patience& patience) {
  Outcome outcome;
  std::optional<Digest> digest;
  if (!request.digest.empty()) {
    auto named = Digest::named(request.digest);
    if (!named) {
      fail(outcome.receipt, std::move(named.error()));
      return outcome;
    }
    digest = std::move(*named);
  }
  const HostCosts host = host_costs();
  if (!host.warning.empty() && !request.quiet && !request.json)
    os::tell("leat copy: " + host.warning + "\n");
  auto context = Context::create({.sigpipe = Sigpipe::ignored_by_caller, .costs = host.costs});
  if (!context) {
    fail(outcome.receipt, context.error());
    return outcome;
  }
  Ends ends(*context, request, patience);
  if (auto opened = ends.open(); !opened) {
    outcome.receipt = receipt_of(std::move(opened.error()));
    return outcome;
  }
  outcome.nothing_kept = ends.discards_on_failure();
  Receipt& receipt = outcome.receipt;
  receipt = move_bytes(*context, host, ends, request, patience, digest);
  if (receipt.error) advise(*receipt.error, request, ends.end_at_fault(*receipt.error));
  if (!receipt.ok()) return outcome;
  if (digest) outcome.digest = {digest->algorithm(), digest->finish()};
  auto finished = ends.finish();
  if (!finished) {
    advise(finished.error(), request, End::sink);
    fail(receipt, std::move(finished.error()));
    return outcome;
  }
  if (finished->acknowledged) receipt.acknowledged = receipt.delivered;
  outcome.unanswered = finished->unanswered;
  return outcome;
}

std::string reason_text(const Receipt& receipt, const Request& request) {
  switch (receipt.ending) {
    case Ending::source_shrank:
      if (!request.length) return "SRC shrank while it was copied: copy again";
      return fmt::format("SRC ended before the {} bytes of --length: check both", *request.length);
    case Ending::deadline: return "stopped by --timeout: allow more time, or see what holds it up";
    case Ending::cancelled: return "interrupted";
    default: return receipt.error ? receipt.error->message() : "failed";
  }
}

std::string failure_line(const Outcome& outcome, const Request& request) {
  const Receipt& receipt = outcome.receipt;
  std::string line = "leat copy: " + reason_text(receipt, request);
  if (outcome.nothing_kept) line += "; nothing was kept";
  // What was never begun has no figures worth a reader's time.
  const bool begun = receipt.usage || receipt.delivered > 0 || receipt.ending == Ending::cancelled;
  if (begun) line += "; " + receipt_line(receipt);
  return line;
}

std::string report_line(const Outcome& outcome, const Request& request) {
  if (request.json) return receipt_json(outcome.receipt, outcome.digest);
  if (outcome.receipt.ok())
    return request.quiet ? "" : receipt_line(outcome.receipt, outcome.digest);
  // With --quiet too: it silences the receipt, not the reason of status 1.
  return request.quiet ? "leat copy: " + reason_text(outcome.receipt, request)
                       : failure_line(outcome, request);
}

/// All on standard error: standard output may be the sink.
void report(const Outcome& outcome, const Request& request) {
  std::string text = printable(report_line(outcome, request));
  if (!text.empty()) text += '\n';
  if (outcome.unanswered && outcome.receipt.ok() && !request.quiet && !request.json) {
    const std::chrono::duration<double> waited = request.close_timeout;
    text += fmt::format(
        "leat copy: warning: the peer did not close within {}: whether it has everything is not "
        "known\n",
        format_seconds(waited.count()));
  }
  os::tell(text);
}

}  // namespace

int run(const Request& request) {
  os::ignore_signals_of_writing();
  int signal = 0;
  bool ok = false;
  {
    const os::SignalWatch signals;
    os::Patience patience{std::nullopt, signals.stop(), signals.fd()};
    if (request.timeout) patience.deadline = std::chrono::steady_clock::now() + *request.timeout;
    const Outcome outcome = perform(request, patience);
    report(outcome, request);
    ok = outcome.receipt.ok();
    signal = signals.caught();
  }
  if (signal != 0) return os::raise_again(signal);
  return ok ? exit_done : exit_failed;
}

}  // namespace leat::app::copy
