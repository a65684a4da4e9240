/// `leat copy`: the command line.
#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "commands.h"
#include "copy/request.h"
#include "copy/run.h"
#include "digest.h"
#include "endpoint_address.h"
#include "sizes.h"

namespace leat::app {
namespace {

using copy::Request;
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

/// The value, or a usage error of the option `name`.
template <class T>
T checked(std::expected<T, std::string> value, const std::string& name) {
  if (!value) throw CLI::ValidationError(name, value.error());
  return *value;
}

Mechanism mechanism_named(const std::string& name) {
  if (const auto mechanism = Mechanism::named(name)) return *mechanism;
  std::string known;
  for (std::size_t i = 0; i < Mechanism::count(); ++i) {
    known += fmt::format("{}{}", i == 0 ? "" : ", ", Mechanism::at(i).name());
  }
  throw CLI::ValidationError("--mechanism", fmt::format("'{}' is none of {}", name, known));
}

Consistency consistency_named(const std::string& name) {
  if (name == "live") return Consistency::live;
  if (name == "snapshot") return Consistency::snapshot;
  if (name == "detect") return Consistency::detect;
  throw CLI::ValidationError("--consistency",
                             fmt::format("'{}' is none of live, snapshot, detect", name));
}

/// An option whose text `set` understands or refuses.
template <class Set>
CLI::Option* text_option(CLI::App& command, const std::string& name, const std::string& type,
                         const std::string& description, const Set& set) {
  auto* option = command.add_option_function<std::string>(name, set, description);
  return option->type_name(type);
}

/// 0 or 1: which of two words it is.
int one_of(const std::string& option, const std::string& text, const char* first,
           const char* second) {
  if (text == first) return 0;
  if (text == second) return 1;
  throw CLI::ValidationError(option, fmt::format("'{}' is neither {} nor {}", text, first, second));
}

template <class Store>
void size_option(CLI::App& command, const std::string& name, const std::string& type,
                 const std::string& description, Store store) {
  text_option(command, name, type, description,
              [name, store](const std::string& text) { store(checked(parse_size(text), name)); });
}

void add_endpoints(CLI::App& command, Request& request) {
  text_option(command, "SRC", "", "Where the bytes come from", [&](const std::string& text) {
    request.source = checked(parse_endpoint_address(text), "SRC");
  })->required();
  text_option(command, "DST", "", "Where they go", [&](const std::string& text) {
    request.sink = checked(parse_endpoint_address(text), "DST");
  })->required();
}

void add_range(CLI::App& command, Request& request) {
  size_option(command, "--offset", "SIZE", "Start this far into the file SRC",
              [&](std::uint64_t bytes) { request.offset = bytes; });
  size_option(command, "--length", "SIZE", "Copy exactly this much; an earlier end is an error",
              [&](std::uint64_t bytes) {
                // The largest number stands for "to the end"; no file is as long.
                request.length = std::min(bytes, to_end - 1);
              });
}

void add_ways(CLI::App& command, Request& request) {
  text_option(command, "--mechanism", "NAME", "Use only this one, or fail",
              [&](const std::string& name) { request.mechanism = mechanism_named(name); });
  text_option(command, "--copies", "allow|forbid",
              "May the CPU copy the bytes? forbid fails where it would have to",
              [&](const std::string& text) {
                const bool forbid = one_of("--copies", text, "allow", "forbid") == 1;
                request.copies = forbid ? Copies::forbid : Copies::allow;
              });
  text_option(command, "--consistency", "live|snapshot|detect",
              "What if the file SRC is changed meanwhile [live]",
              [&](const std::string& text) { request.consistency = consistency_named(text); });
  size_option(command, "--block-size", "SIZE", "Block of read_write", [&](std::uint64_t bytes) {
    constexpr std::uint64_t most = 1ull << 30;
    if (bytes == 0 || bytes > most) {
      throw CLI::ValidationError("--block-size", "use 1 to 1GiB, such as 256KiB");
    }
    request.block_bytes = static_cast<std::uint32_t>(bytes);
  });
  text_option(command, "--limit-rate", "SIZE", "At most this much a second",
              [&](const std::string& text) {
                const bool per_second = text.ends_with("/s");
                const auto size = per_second ? text.substr(0, text.size() - 2) : text;
                request.bytes_per_second = checked(parse_size(size), "--limit-rate");
                if (request.bytes_per_second == 0) {
                  throw CLI::ValidationError("--limit-rate", "use at least 1, such as 10MiB");
                }
              });
}

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
                if (!Digest::named(name)) {
                  throw CLI::ValidationError(
                      "--digest", fmt::format("'{}' is none of sha256, sha512, blake2b512", name));
                }
                request.digest = name;
              });
  command.add_flag("--json", request.json, "The receipt as one line of JSON");
  command.add_flag("--quiet", request.quiet, "No receipt; errors are still told");
  command.add_flag_callback(
      "--no-progress", [&] { request.progress = false; }, "No progress bar, on a terminal either");
}

/// What no single option can see.
void check_together(const Request& request) {
  const auto needs = [](bool wanted, bool fits, const char* option, const char* what) {
    if (wanted && !fits) throw CLI::ValidationError(option, what);
  };
  const bool from_path = request.source.kind == AddressKind::path;
  const bool to_path = request.sink.kind == AddressKind::path;
  needs(request.quiet, !request.json, "--quiet", "--json asks for the opposite");
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
  add_endpoints(command, *request);
  add_range(command, *request);
  add_ways(command, *request);
  add_file_options(command, *request);
  add_time_limits(command, *request);
  add_reporting(command, *request);
  command.callback([request, &exit_status] {
    check_together(*request);
    exit_status = copy::run(*request);
  });
}

}  // namespace leat::app
