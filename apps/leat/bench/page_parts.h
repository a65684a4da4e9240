/// What the parts of the page share: reading results that may be of an older or newer leat, and one
/// function for each kind of result.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "html/page.h"

namespace leat::app::bench {

using Json = nlohmann::ordered_json;

/// A value, or null where there is none or `object` is no object.
const Json& at(const Json& object, std::string_view key);
/// Empty if it is no text.
std::string text_at(const Json& object, std::string_view key);
std::optional<double> number_at(const Json& object, std::string_view key);
/// False if it is no flag.
bool flag_at(const Json& object, std::string_view key);
/// A ratio with its interval; an interval that is as wide as can be is none.
std::optional<html::Estimate> ratio_at(const Json& object, std::string_view key);

/// The command, the load, and the host: what stands under each figure.
std::string origin_of(const Json& result);

/// "0.38 [0.36–0.40]", "1/250", with "~" behind it if the interval contains 1; "–" for none.
std::string ratio_text(const std::optional<html::Estimate>& ratio);
/// "0.333", "65.0 µs": without a unit if it is seconds; "–" for none.
std::string seconds_text(const std::optional<double>& seconds);
/// With its unit: "65.0 µs", "333 ms", "1.20 s".
std::string time_text(const std::optional<double>& seconds);
/// A count, of means with two decimals; "–" for none.
std::string count_text(const std::optional<double>& count);
/// "1.00 GiB"; "–" for none.
std::string bytes_text(const std::optional<double>& bytes);

/// What is wrong with the result as one of this kind, or nothing.
std::string flaw_of_transfer(const Json& result);
std::string flaw_of_peers(const Json& result);
std::string flaw_of_claims(const Json& result);
/// Of leat bench memory, and of leat bench read.
std::string flaw_of_memory(const Json& result);

/// Each takes a result that has no flaw.
void add_transfer(html::Page& page, const Json& result);
void add_peers(html::Page& page, const Json& result);
void add_claims(html::Page& page, const Json& result);
void add_memory(html::Page& page, const Json& result);

/// Of a result of `leat bench transfer`: see render_picture.
struct Picture {
  html::BarChart chart;
  std::string subtitle;
};
Picture picture_of(const Json& result);

}  // namespace leat::app::bench
