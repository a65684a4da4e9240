/// `leat copy`: the command line.
#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "commands.h"
#include "copy/options.h"
#include "copy/request.h"
#include "copy/run.h"
#include "digest.h"
#include "endpoint_address.h"
#include "sizes.h"

namespace leat::app {
namespace {

using copy::checked;
using copy::one_of;
using copy::Request;
using copy::text_option;
using AddressKind = EndpointAddress::Kind;

constexpr const char* after_options = R"(Endpoints:
  PATH                   a file, FIFO or device; DST may be a folder: DST/name-of-SRC
  -                      standard input or output
  tcp://HOST:PORT        connect; IPv6 in brackets: tcp://[::1]:9000
  tcp-listen://HOST:PORT accept one peer; no HOST: every address; port 0: a free one
  unix:///PATH           connect to a UNIX stream socket
  unix-listen:///PATH    accept one peer there

Sizes take B, KiB, MiB, GiB, TiB, kB, MB, GB, TB; durations s (default), ms, min.

A regular file appears whole under its name or not at all; --in-place writes into the file
itself. Anything else is written in place. The receipt goes to standard error.

A leat sender that fails or is killed resets its TCP connection, and the receiver keeps nothing.
A foreign sender that closes early looks the same as one that is done, and so does any sender on
a UNIX socket, which has no reset: there use --length, and an early end is an error.

Exit status: 0 done, 1 failed, 2 wrong usage; after Ctrl-C the receipt, then the signal (130).

Examples:
  leat copy movie.mkv /backup/                          into a folder
  leat copy --durable full --preserve a.db b.db         on the disk before it says so
  leat copy tcp-listen://:9000 disk.img                 receive ...
  leat copy disk.img tcp://host.example:9000            ... and send
  tar -c src | leat copy - tcp://[2001:db8::7]:9000     from a pipe
  leat copy --length 1GiB --json /dev/zero unix:///run/sink.socket)";

void add_file_options(CLI::App& command, Request& request) {
  text_option(command, "--durable", "data|full",
              "Success means on the disk: the bytes, or also times, mode and name",
              [&](const std::string& text) {
                const bool full = one_of("--durable", text, "data", "full") == 1;
                request.durability = full ? Durability::full : Durability::data;
              });
  command.add_flag("--in-place", request.in_place,
                   "Write into the file DST itself; a failure leaves part of it");
  command.add_flag("--preserve", request.preserve, "Keep SRC's permissions and times");
}

void add_time_limits(CLI::App& command, Request& request) {
  text_option(command, "--timeout", "TIME", "Give the whole command this long",
              [&](const std::string& text) {
                request.timeout = checked(parse_duration(text), "--timeout");
              });
  text_option(command, "--close-timeout", "TIME", "Wait this long for the peer's close [10s]",
              [&](const std::string& text) {
                request.close_timeout = checked(parse_duration(text), "--close-timeout");
              });
}

void add_reporting(CLI::App& command, Request& request) {
  text_option(command, "--digest", "NAME",
              "The digest of what was copied, too: sha256, sha512 or blake2b512",
              [&](const std::string& name) {
                if (!is_digest(name)) {
                  throw CLI::ValidationError(
                      "--digest", fmt::format("'{}' is none of sha256, sha512, blake2b512", name));
                }
                request.digest = name;
              });
  command.add_flag("--json", request.json, "The receipt as one line of JSON");
  command.add_flag("--explain", request.explain,
                   "First say which mechanisms would be tried, and why");
  command.add_flag("--quiet", request.quiet, "No receipt; errors are still told");
  CLI::Option* const anywhere = command.add_flag_callback(
      "--progress", [&] { request.progress = copy::Progress::anywhere; },
      "How far it is: without a terminal a line a second");
  command
      .add_flag_callback(
          "--no-progress", [&] { request.progress = copy::Progress::nowhere; },
          "No progress bar, on a terminal either")
      ->excludes(anywhere);
}

/// What no single option can see.
void check_together(const Request& request) {
  const auto needs = [](bool wanted, bool fits, const char* option, const char* what) {
    if (wanted && !fits) throw CLI::ValidationError(option, what);
  };
  const bool from_path = request.source.kind == AddressKind::path;
  const bool to_path = request.sink.kind == AddressKind::path;
  needs(request.quiet, !request.json, "--quiet", "--json asks for the opposite");
  needs(request.progress == copy::Progress::anywhere, !request.json && !request.quiet, "--progress",
        "--json and --quiet ask for the opposite");
  needs(request.offset != 0, from_path, "--offset", "SRC must be a file for it");
  needs(request.preserve, from_path && to_path, "--preserve", "SRC and DST must be files for it");
  needs(request.durability != Durability::none, !request.sink.is_network(), "--durable",
        "DST must be a file for it");
}

}  // namespace

void add_copy(CLI::App& root, int& exit_status) {
  CLI::App& command = *root.add_subcommand("copy", "Copy SRC to DST: files, pipes and sockets");
  command.footer(after_options);
  const auto request = std::make_shared<Request>();
  copy::add_endpoints(command, *request);
  copy::add_range(command, *request);
  copy::add_ways(command, *request);
  add_file_options(command, *request);
  add_time_limits(command, *request);
  add_reporting(command, *request);
  command.callback([request, &exit_status] {
    check_together(*request);
    exit_status = copy::run(*request);
  });
}

}  // namespace leat::app
