#include "copy/options.h"

#include <algorithm>

#include "endpoint_address.h"

namespace leat::app::copy {
namespace {

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

}  // namespace

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

}  // namespace leat::app::copy
