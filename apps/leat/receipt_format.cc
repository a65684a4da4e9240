#include "receipt_format.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "os/sockets.h"
#include "sizes.h"

namespace leat::app {
namespace {

using Json = nlohmann::ordered_json;

std::string errno_name(int number) {
  const char* name = strerrorname_np(number);
  return name ? name : std::to_string(number);
}

bool copies_are_known(const Leg& leg) {
  return leg.known_by == KnownBy::construction || leg.known_by == KnownBy::kernel;
}

std::string copies_text(const Leg& leg) {
  if (leg.known_by == KnownBy::pending) return "copies pending";
  if (!copies_are_known(leg)) return "copies unknown";
  if (leg.bytes == 0) return "0 copies";
  const double ratio = static_cast<double>(leg.cpu_copied_bytes) / static_cast<double>(leg.bytes);
  if (ratio == std::floor(ratio))
    return fmt::format("{:.0f} cop{}", ratio, ratio == 1 ? "y" : "ies");
  return fmt::format("{:.2f} copies", ratio);
}

std::string ending_text(Ending ending) {
  std::string text(name_of(ending));
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string pace_text(const Receipt& receipt) {
  if (!receipt.usage) return "";
  const Usage& usage = *receipt.usage;
  std::string text = fmt::format(" in {}", format_seconds(usage.wall_s));
  const double cpu_s = usage.user_s + usage.system_s;
  const double rate = usage.wall_s > 0 ? static_cast<double>(receipt.delivered) / usage.wall_s : 0;
  if (rate < 1 || rate > 1e18) return text + fmt::format(" ({:.2f} s CPU)", cpu_s);
  return text +
         fmt::format(" ({}/s, {:.2f} s CPU)", format_size(static_cast<std::uint64_t>(rate)), cpu_s);
}

void append_legs(std::string& line, const Receipt& receipt) {
  std::string_view separator = ": ";
  for (const Leg& leg : receipt.legs) {
    line +=
        fmt::format("{}{} {} in {} call{}, {}", separator, leg.mechanism.name(),
                    format_size(leg.bytes), leg.calls, leg.calls == 1 ? "" : "s", copies_text(leg));
    separator = "; ";
  }
  if (receipt.holes > 0) {
    line += fmt::format("{}{} kept as holes", separator, format_size(receipt.holes));
  }
}

void append_refusals(std::string& line, const Receipt& receipt) {
  std::string_view separator = "; refused: ";
  for (const Refusal& refusal : receipt.refusals) {
    const std::string why =
        refusal.error_number != 0 ? errno_name(refusal.error_number) : std::string(refusal.reason);
    line += fmt::format("{}{} {} at {}", separator, refusal.mechanism.name(), why, refusal.at);
    if (refusal.count > 1) line += fmt::format(" ({} times)", refusal.count);
    separator = ", ";
  }
}

Json leg_json(const Leg& leg) {
  Json copied = nullptr;
  if (copies_are_known(leg)) copied = leg.cpu_copied_bytes;
  return {{"mechanism", leg.mechanism.name()},
          {"bytes", leg.bytes},
          {"calls", leg.calls},
          {"cpu_copied_bytes", copied},
          {"known_by", name_of(leg.known_by)}};
}

Json refusal_json(const Refusal& refusal) {
  Json number = nullptr;
  if (refusal.error_number != 0) number = errno_name(refusal.error_number);
  return {{"mechanism", refusal.mechanism.name()},
          {"reason", refusal.reason},
          {"errno", number},
          {"at", refusal.at},
          {"count", refusal.count}};
}

Json usage_json(const Usage& usage) {
  return {{"wall_s", usage.wall_s},
          {"user_s", usage.user_s},
          {"system_s", usage.system_s},
          {"voluntary_switches", usage.voluntary_switches},
          {"involuntary_switches", usage.involuntary_switches},
          {"major_faults", usage.major_faults},
          {"minor_faults", usage.minor_faults}};
}

Json error_json(const Error& error) {
  return {{"code", error_code_name(error)},
          {"operation", error.operation},
          {"hint", error.hint},
          {"message", error.message()}};
}

}  // namespace

std::string error_code_name(const Error& error) {
  if (error.code.category() == os::lookup_category()) {
    return std::string(os::lookup_error_name(error.code.value()));
  }
  return std::string(error.name());
}

std::string printable(std::string text) {
  const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; };
  std::replace_if(text.begin(), text.end(), is_control, '?');
  return text;
}

std::string receipt_line(const Receipt& receipt, const std::optional<DigestValue>& digest) {
  std::string line = format_size(receipt.delivered) + pace_text(receipt);
  line += fmt::format(", {}", ending_text(receipt.ending));
  append_legs(line, receipt);
  append_refusals(line, receipt);
  if (receipt.stranded > 0) line += fmt::format("; {} stranded", format_size(receipt.stranded));
  if (receipt.acknowledged) {
    line += fmt::format("; {} acknowledged", format_size(*receipt.acknowledged));
  }
  if (digest) line += fmt::format("; {} {}", digest->algorithm, digest->hex);
  return line;
}

std::string receipt_json(const Receipt& receipt, const std::optional<DigestValue>& digest) {
  Json json;
  json["delivered"] = receipt.delivered;
  json["stranded"] = receipt.stranded;
  json["acknowledged"] = receipt.acknowledged ? Json(*receipt.acknowledged) : Json(nullptr);
  json["ending"] = name_of(receipt.ending);
  json["legs"] = Json::array();
  for (const Leg& leg : receipt.legs) json["legs"].push_back(leg_json(leg));
  json["refusals"] = Json::array();
  for (const Refusal& refusal : receipt.refusals) json["refusals"].push_back(refusal_json(refusal));
  json["usage"] = receipt.usage ? usage_json(*receipt.usage) : Json(nullptr);
  json["error"] = receipt.error ? error_json(*receipt.error) : Json(nullptr);
  json["holes"] = receipt.holes;
  json["waits"] = receipt.waits;
  json["digest"] = nullptr;
  if (digest) json["digest"] = {{"algorithm", digest->algorithm}, {"hex", digest->hex}};
  // A path in a message may be any bytes; JSON is UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace leat::app
