#include "bench/page_transfer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "html/markup.h"
#include "sizes.h"

namespace leat::app::bench {
namespace {

/// A line between two points would say nothing about what lies between them.
constexpr std::size_t least_sizes_of_a_curve = 3;

std::string place(std::string_view name) {
  if (name == "tcp") return "TCP";
  if (name == "unix") return "a UNIX socket";
  if (name == "pipe") return "a pipe";
  return std::string(name);
}

/// What was done to what, the receiver left out.
std::string ends_of(const Json& row) {
  const std::string sink = text_at(row, "sink");
  std::string title = fmt::format("{} to {}", place(text_at(row, "source")),
                                  sink == "file" ? std::string("a new file") : place(sink));
  const std::string path = text_at(row, "path");
  if (path == "loopback" || path == "veth") title += " over " + path;
  return title + ", " + text_at(row, "cache");
}

std::string receiver_text(const std::string& receiver) {
  if (receiver == "truncate") return ", the receiver discards";
  return receiver == "copy" ? ", the receiver copies" : "";
}

bool is_request(const Json& row) { return number_at(row, "latency_p50_us").has_value(); }

/// Small messages are measured request by request, whatever receiver is asked for: they stand
/// beside the larger transfers between the same ends.
bool belongs(const Scene& scene, const Json& row) {
  if (scene.ends != ends_of(row)) return false;
  return is_request(row) || !scene.receiver || *scene.receiver == text_at(row, "receiver");
}

template <class List, class Matches>
auto& found_or_new(List& list, Matches matches) {
  const auto found = std::find_if(list.begin(), list.end(), matches);
  return found == list.end() ? list.emplace_back() : *found;
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
  return text;
}

std::string size_text(double size) { return format_size(static_cast<std::uint64_t>(size)); }

bool is_of(const Json& entry, const Json& row) {
  for (const char* key : {"source", "sink", "path", "size", "cache", "receiver"}) {
    const Json& value = at(entry, key);
    if (!value.is_null() && value != at(row, key)) return false;
  }
  return true;
}

/// Only once each, in their order.
std::vector<std::string> reasons_for_absence(const Json& result, const Json& row) {
  std::vector<std::string> reasons;
  for (const Json& entry : at(result, "refusals")) {
    if (!is_of(entry, row)) continue;
    std::string text = fmt::format("{}: {}", text_at(entry, "mechanism"), text_at(entry, "reason"));
    if (std::find(reasons.begin(), reasons.end(), text) == reasons.end()) {
      reasons.push_back(std::move(text));
    }
  }
  return reasons;
}

const Json* row_named(const SizedRows& sized, const std::string& label) {
  for (const Json* row : sized.rows) {
    if (label_of(*row) == label) return row;
  }
  return nullptr;
}

/// Seconds of CPU time that the row spent copying, and on everything else.
struct Spent {
  double copying_s = 0;
  double other_s = 0;
};

std::optional<Spent> spent_by(const Json& row) {
  const auto share = number_at(row, "copy_share");
  const auto cpu = number_at(row, "cpu_s");
  if (!share || !cpu) return std::nullopt;
  return Spent{*cpu * *share, *cpu * (1 - *share)};
}

/// Whether the copies or everything else made up for the copies saved; empty if it was not sampled.
std::string copying_text(const Json& less, const Json& more) {
  const auto one = spent_by(less);
  const auto other = spent_by(more);
  if (!one || !other) return {};
  if (one->copying_s > other->copying_s) {
    return fmt::format("; its fewer copies took longer, {} of CPU time against {}",
                       time_text(one->copying_s), time_text(other->copying_s));
  }
  return fmt::format(
      "; it spends less on copying, {} against {}, but more on everything else, {} "
      "against {}",
      time_text(one->copying_s), time_text(other->copying_s), time_text(one->other_s),
      time_text(other->other_s));
}

/// Why a row that copies less takes more CPU time: its figures beside the other's.
std::string explanation(const SizedRows& sized, const Json& contradiction) {
  const std::string less = text_at(contradiction, "copies_less");
  const std::string more = text_at(contradiction, "copies_more");
  std::string text = fmt::format("{} copies less than {}, but takes {} times its CPU time", less,
                                 more, ratio_text(ratio_at(contradiction, "cpu")));
  const Json* one = row_named(sized, less);
  const Json* other = row_named(sized, more);
  if (!one || !other) return text + ".";
  const auto pair = [&](const char* key) {
    return fmt::format("{} against {}", count_text(number_at(*one, key)),
                       count_text(number_at(*other, key)));
  };
  text +=
      fmt::format(": {} calls, {} voluntary switches", pair("calls"), pair("voluntary_switches"));
  return text + copying_text(*one, *other) + ".";
}

void add_ranking(html::Page& page, const Json& result, const SizedRows& sized) {
  for (const Json& ranking : at(result, "rankings")) {
    if (!is_of(ranking, *sized.rows.front())) continue;
    if (flag_at(ranking, "equal")) {
      page.paragraph(
          "The ranking by CPU time equals the ranking by copied bytes, where both tell rows "
          "apart.");
      continue;
    }
    page.paragraph("The ranking by CPU time differs from the ranking by copied bytes:");
    for (const Json& contradiction : at(ranking, "contradictions")) {
      page.paragraph(explanation(sized, contradiction));
    }
  }
}

void add_limits(html::Page& page, const Json& result, const SizedRows& sized) {
  html::Table table{.columns = {"limit", "met"}, .rows = {}};
  for (const Json& limit : at(result, "limits")) {
    if (!is_of(limit, *sized.rows.front())) continue;
    const char* verdict = !flag_at(limit, "settled") ? "noisy"
                          : flag_at(limit, "met")    ? "yes"
                                                     : "NO";
    table.rows.push_back({text_at(limit, "limit"), verdict});
  }
  if (!table.rows.empty()) page.add(table);
}

void add_denial(html::Page& page, const SizedRows& sized) {
  const std::string reason = text_at(*sized.rows.front(), "copy_share_denied");
  if (!reason.empty()) page.paragraph("Not sampled: " + reason);
}

void add_size(html::Page& page, const Json& result, const SizedRows& sized,
              const std::string& origin) {
  page.add(bars_of(sized), origin);
  const html::StackChart stacks = stacks_of(sized);
  if (!stacks.stacks.empty()) page.add(stacks, origin);
  add_denial(page, sized);
  add_ranking(page, result, sized);
  page.add(times_of(sized));
  page.add(places_of(sized));
  add_limits(page, result, sized);
  page.origin(origin);
  const std::vector<std::string> reasons = reasons_for_absence(result, *sized.rows.front());
  if (reasons.empty()) return;
  std::string text = "No row for ";
  for (const std::string& reason : reasons) text += (&reason == &reasons[0] ? "" : "; ") + reason;
  page.paragraph(text + ".");
}

}  // namespace

bool SizedRows::of_requests() const {
  return !rows.empty() && number_at(*rows.front(), "latency_p50_us").has_value();
}

std::string label_of(const Json& row) {
  const std::string label = text_at(row, "label");
  return label.empty() ? text_at(row, "mechanism") : label;
}

std::string Scene::title() const {
  std::string text = ends;
  if (receiver) text += receiver_text(*receiver);
  text += ", ";
  if (sizes.size() > 1) text += size_text(sizes.front().size) + " to ";
  text += size_text(sizes.back().size);
  if (sizes.back().of_requests()) text += ", request by request";
  return text;
}

std::vector<Scene> scenes_of(const Json& result) {
  std::vector<Scene> scenes;
  for (const Json& row : at(result, "rows")) {
    Scene& scene =
        found_or_new(scenes, [&](const Scene& candidate) { return belongs(candidate, row); });
    scene.ends = ends_of(row);
    if (!is_request(row)) scene.receiver = text_at(row, "receiver");
    const double size = number_at(row, "size").value_or(0);
    SizedRows& sized = found_or_new(
        scene.sizes, [&](const SizedRows& candidate) { return candidate.size == size; });
    sized.size = size;
    sized.rows.push_back(&row);
  }
  for (Scene& scene : scenes) {
    std::ranges::stable_sort(scene.sizes, {}, &SizedRows::size);
  }
  return scenes;
}

std::string flaw_of_transfer(const Json& result) {
  std::size_t number = 0;
  for (const Json& row : at(result, "rows")) {
    ++number;
    for (const char* key : {"source", "sink", "mechanism"}) {
      if (text_at(row, key).empty()) return fmt::format("row {} has no \"{}\"", number, key);
    }
    for (const char* key : {"size", "wall_s", "cpu_s"}) {
      const auto value = number_at(row, key);
      if (!value || *value < 0) return fmt::format("row {} has no \"{}\"", number, key);
    }
    if (*number_at(row, "size") > 1e18) return fmt::format("row {} is too large", number);
  }
  return number == 0 ? "has no rows" : "";
}

void add_transfer(html::Page& page, const Json& result) {
  const std::string origin = origin_of(result);
  for (const Scene& scene : scenes_of(result)) {
    const SizedRows& largest = scene.sizes.back();
    const bool several = scene.sizes.size() > 1;
    page.heading(capitalised(scene.title()));
    if (!several) {
      add_size(page, result, largest, origin);
      continue;
    }
    if (scene.sizes.front().of_requests() && !largest.of_requests()) {
      page.paragraph(
          "Up to 64 KiB one request after the other is answered, and wall time is the "
          "median latency of a request; larger sizes are sent at once.");
    }
    if (scene.sizes.size() >= least_sizes_of_a_curve) {
      page.add(curves_of(scene, "wall_s", "Wall time a byte over size"), origin);
      page.add(curves_of(scene, "cpu_s", "CPU time of the sender a byte over size"), origin);
    }
    for (auto sized = scene.sizes.rbegin(); sized != scene.sizes.rend(); ++sized) {
      page.open_fold(size_text(sized->size) + (sized->of_requests() ? ", request by request" : ""),
                     sized == scene.sizes.rbegin());
      add_size(page, result, *sized, origin);
      page.close_fold();
    }
  }
}

Picture picture_of(const Json& result) {
  const Scene scene = scenes_of(result).front();
  const SizedRows& largest = scene.sizes.back();
  const std::size_t comma = scene.ends.find(", ");
  Picture picture{.chart = bars_of(largest), .subtitle = scene.ends.substr(comma + 2)};
  picture.chart.title =
      fmt::format("{}, {}", capitalised(scene.ends.substr(0, comma)), size_text(largest.size));
  if (scene.receiver) picture.subtitle += receiver_text(*scene.receiver);
  picture.subtitle += "; time to read_write's, with 95\u00a0% intervals";
  return picture;
}

}  // namespace leat::app::bench
