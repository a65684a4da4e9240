#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <fmt/core.h>

#include "bench/claims_text.h"
#include "bench/claims_textbook.h"
#include "bench/claims_verdict.h"
#include "bench/claims_web.h"
#include "sizes.h"

namespace leat::app::bench {
namespace {

using Json = nlohmann::ordered_json;

/// The planner gives parts of at most this much to sendfile.
constexpr std::uint64_t sendfile_part_bytes = 64u << 10;

Mechanism mechanism_of(std::string_view name) {
  return Mechanism::named(name).value_or(Mechanism());
}

std::vector<double> values_of(const WebRow& row, double WebSample::* value) {
  constexpr double resolution = 1e-6;
  std::vector<double> values;
  values.reserve(row.samples.size());
  for (const WebSample& sample : row.samples) values.push_back(std::max(sample.*value, resolution));
  return values;
}

bool settled(const WebSeries& series, const std::vector<double WebSample::*>& values) {
  return std::all_of(series.rows.begin() + 1, series.rows.end(), [&](const WebRow& row) {
    return std::all_of(values.begin(), values.end(), [&](double WebSample::* value) {
      return compare_web(row, series.rows.front(), value).half_width() <= settled_half_width;
    });
  });
}

/// Every row once.
std::expected<void, std::string> run_round(const Payload& payload, WebSeries& series, int round,
                                           const Settings& settings) {
  std::vector<std::string> refused;
  for (const std::size_t place : order_of_round(series.rows.size(), round)) {
    WebRow& row = series.rows[place];
    if (settings.progress) {
      settings.progress(fmt::format("requests of {}: round {}, {}",
                                    format_size(series.work.body_bytes), round + 1, row.name));
    }
    auto sample = measure_web(payload, series.work, row.way);
    if (sample) {
      row.samples.push_back(*sample);
      continue;
    }
    if (!sample.error().refused || &row == &series.rows.front()) {
      return std::unexpected(fmt::format("requests, {}: {}", row.name, sample.error().message));
    }
    refused.push_back(row.name);
    series.absent.push_back(
        fmt::format("{} ({})", textbook_name(row.name), sample.error().message));
  }
  std::erase_if(series.rows, [&](const WebRow& row) {
    return std::find(refused.begin(), refused.end(), row.name) != refused.end();
  });
  return {};
}

double median_of(const WebRow& row, double WebSample::* value) {
  return median(values_of(row, value));
}

const WebRow* find(const WebSeries& series, std::string_view name) {
  const auto found = std::find_if(series.rows.begin(), series.rows.end(),
                                  [&](const WebRow& row) { return row.name == name; });
  return found == series.rows.end() ? nullptr : &*found;
}

Json row_json(const WebSeries& series, const WebRow& row) {
  const WebRow& baseline = series.rows.front();
  const unsigned requests = series.work.requests;
  return {{"name", row.name},
          {"runs", row.samples.size()},
          {"requests_per_s", requests / median_of(row, &WebSample::wall_s)},
          {"cpu_us_per_request", median_of(row, &WebSample::cpu_s) * 1e6 / requests},
          {"latency_p50_us", median_of(row, &WebSample::p50_us)},
          {"latency_p99_us", median_of(row, &WebSample::p99_us)},
          {"calls", median_of(row, &WebSample::calls)},
          {"body_by", row.samples.empty() ? "" : row.samples.back().body_by.name()},
          {"throughput_vs_read_write",
           ratio_json(speed_of(compare_web(row, baseline, &WebSample::wall_s)))},
          {"cpu_vs_read_write", ratio_json(compare_web(row, baseline, &WebSample::cpu_s))}};
}

/// "+35 % [+31 to +39]"
std::string change_text(const Ratio& ratio) {
  const auto percent = [](double value) { return (value - 1) * 100; };
  const Json known = ratio_json(ratio);
  if (known["low"].is_null()) return fmt::format("{:+.0f} % [too few runs]", percent(ratio.ratio));
  return fmt::format("{:+.0f} % [{:+.0f} to {:+.0f}]", percent(ratio.ratio), percent(ratio.low),
                     percent(ratio.high));
}

/// The part that is saved, where `cost` is what is left of it.
Ratio saving_of(const Ratio& cost) { return {1 - cost.ratio, 1 - cost.high, 1 - cost.low}; }

}  // namespace

Ratio compare_web(const WebRow& row, const WebRow& baseline, double WebSample::* value) {
  return paired_ratio(values_of(row, value), values_of(baseline, value));
}

std::expected<WebSeries, std::string> run_web(const Payload& payload, WebSeries series,
                                              const Settings& settings,
                                              const std::vector<double WebSample::*>& values) {
  int rounds = 0;
  while (rounds < settings.min_rounds ||
         (rounds < settings.max_rounds && !settled(series, values))) {
    if (const auto ran = run_round(payload, series, rounds, settings); !ran) {
      return std::unexpected(ran.error());
    }
    ++rounds;
  }
  return series;
}

WebSeries web_rows(std::uint64_t body_bytes) {
  WebSeries series;
  // Each run takes long enough for getrusage(2) and the clock, whatever the body.
  const auto requests = static_cast<unsigned>(
      std::clamp<std::uint64_t>((1ull << 30) / std::max<std::uint64_t>(body_bytes, 1), 500, 8000));
  series.work = {.header_bytes = 200, .body_bytes = body_bytes, .requests = requests};
  series.rows = {
      {"read_write", {.mechanism = mechanism_of("read_write"), .block_bytes = 64u << 10}, {}},
      {"sendfile", {.part_bytes = sendfile_part_bytes}, {}}};
  if (body_bytes > sendfile_part_bytes) series.rows.push_back({"auto", {}, {}});
  return series;
}

Claim answer_web(const std::vector<WebSeries>& sizes) {
  Claim claim = unanswered(9);
  std::vector<NamedAgreement> figures;
  std::vector<std::string> here;
  std::vector<std::string> missing;
  Json list = Json::array();
  for (const WebSeries& series : sizes) {
    const std::string size = format_size(series.work.body_bytes);
    Json rows = Json::array();
    for (const WebRow& row : series.rows) rows.push_back(row_json(series, row));
    list.push_back({{"body_bytes", series.work.body_bytes},
                    {"header_bytes", series.work.header_bytes},
                    {"requests", series.work.requests},
                    {"rows", rows}});
    const WebRow* sendfile = find(series, "sendfile");
    const bool went = sendfile && !sendfile->samples.empty() &&
                      sendfile->samples.back().body_by.name() == "sendfile";
    if (!went) {
      missing.push_back(sendfile ? fmt::format("sendfile, {} (the planner took another)", size)
                                 : join(series.absent, ", "));
      continue;
    }
    const WebRow& baseline = series.rows.front();
    const Ratio rate = speed_of(compare_web(*sendfile, baseline, &WebSample::wall_s));
    const Ratio cpu = compare_web(*sendfile, baseline, &WebSample::cpu_s);
    figures.push_back({size + " throughput", compare_to(rate, claimed_web_throughput)});
    figures.push_back({size + " CPU saved", compare_to(saving_of(cpu), claimed_web_saving)});
    here.push_back(fmt::format(
        "{}: {:.0f} requests/s, {} to read+write; {:.0f} us of CPU each, {}", size,
        series.work.requests / median_of(*sendfile, &WebSample::wall_s), change_text(rate),
        median_of(*sendfile, &WebSample::cpu_s) * 1e6 / series.work.requests, change_text(cpu)));
  }
  claim.verdict = judge(figures);
  here.emplace_back("one kept connection over loopback, header of 200 bytes, warm file");
  claim.here = join(here, "; ");
  claim.why = join({say(figures, "less than claimed", "more than claimed"),
                    missing.empty() ? "" : "not measured: " + join(missing, ", "),
                    "nginx itself, sendfile on and off: scripts/bench peers"},
                   "; ");
  claim.figures["sizes"] = list;
  return claim;
}

}  // namespace leat::app::bench
