/// `leat explain`: which mechanisms could move these bytes, in which order, and why.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <leat/plan.h>

#include "commands.h"
#include "copy/options.h"
#include "explain/ends.h"
#include "explain/plan_format.h"
#include "host_costs.h"
#include "os/process.h"
#include "receipt_format.h"

namespace leat::app {
namespace {

using copy::Request;

/// The device of a stand-in is not that of the peer.
void forget_device(Plan& plan) {
  std::erase_if(plan.sink, [](const Fact& fact) {
    return fact.name == "device" || fact.name == "scattered pages";
  });
  plan.sink.push_back({"device", "known once it is connected: see leat copy --explain"});
}

int explain_plan(const Request& request) {
  const auto fail = [](const Error& error) {
    os::tell(printable("leat explain: " + error.message()) + "\n");
    return exit_failed;
  };
  const auto ends = explain::Ends::open(request);
  if (!ends) return fail(ends.error());
  const HostCosts host = host_costs();
  if (!host.warning.empty()) os::tell("leat explain: " + host.warning + "\n");

  Options options;
  options.mechanism = request.mechanism;
  options.copies = request.copies;
  options.consistency = request.consistency;
  options.rate_limit = request.bytes_per_second;
  Plan made =
      plan(ends->source(), ends->sink(), options, host.costs ? *host.costs : Costs::shipped());
  if (ends->is_sink_stand_in() && request.sink.is_tcp()) forget_device(made);
  const explain::Names names{ends->source_name(), ends->sink_name(), host.origin};
  const std::string text = request.json ? explain::plan_json(made, names).dump() + "\n"
                                        : explain::plan_text(made, names);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return made.error ? exit_failed : exit_done;
  os::tell("leat explain: cannot write to standard output\n");
  return exit_failed;
}

constexpr const char* explanation =
    R"(Says what is known of SRC and DST, then every mechanism in the order in which leat copy would
try it, with its reason, then those that do not fit, with theirs. Nothing is moved and no peer is
connected to: a connection or pipe of its own stands in for those. DST is left as it is.

Endpoints and options are those of leat copy. Expected times are those of leat calibrate, or, before
that was run, of the machine that leat was built on.

Examples:
  leat explain movie.mkv tcp://host.example:9000
  leat explain a.db /backup/                        is there a reflink?
  leat explain --copies forbid disk.img tcp://host.example:9000
  leat explain --json movie.mkv copy.mkv

Exit status: 0 a mechanism fits; 1 none does, or SRC or DST cannot be looked at; 2 wrong usage.)";

}  // namespace

void add_explain(CLI::App& root, int& exit_status) {
  CLI::App& command =
      *root.add_subcommand("explain", "How leat copy would move SRC to DST, and why");
  command.footer(explanation);
  const auto request = std::make_shared<Request>();
  copy::add_endpoints(command, *request);
  copy::add_range(command, *request);
  copy::add_ways(command, *request);
  command.add_flag("--json", request->json, "Print one line of JSON");
  command.callback([request, &exit_status] { exit_status = explain_plan(*request); });
}

}  // namespace leat::app
