#include <cmath>
#include <cstdint>
#include <optional>

#include <nlohmann/json.hpp>

#include <leat/transfer.h>

#include "bench/report.h"
#include "bench/summary.h"

namespace leat::app::bench {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json ratio_json(const Ratio& ratio) {
  return {{"ratio", ratio.ratio}, {"low", ratio.low}, {"high", ratio.high}};
}

/// A count of each transfer: whole, unless a run made several and they differed.
Json count_json(double count) {
  const auto whole = static_cast<std::uint64_t>(count);
  return static_cast<double>(whole) == count ? Json(whole) : Json(count);
}

Json microseconds_json(const std::optional<double>& seconds) {
  return seconds ? Json(*seconds * 1e6) : Json();
}

/// The block that read_write used; the other mechanisms have none.
Json block_json(const Series& series, const Row& row) {
  const std::uint32_t block = block_of(series, row);
  return block ? Json(block) : Json();
}

/// Samples, in the order in which the page stacks them.
Json profile_json(const CopyProfile& profile) {
  return {{"user_copying", profile.user_copying},
          {"kernel_copying", profile.kernel_copying},
          {"user_other", profile.user_other},
          {"kernel_other", profile.kernel_other}};
}

/// What was run.
Json where_json(const Series& series, const Row& row) {
  const Pair& pair = series.pair;
  return {{"source", name_of(pair.source)},
          {"sink", name_of(pair.sink)},
          {"path", path_of(pair)},
          {"size", series.size},
          {"cache", name_of(pair.cache)},
          {"receiver", pair.is_received() ? Json(name_of(pair.receiver)) : Json()},
          {"mechanism", row.name()},
          {"label", row.label()},
          {"block_bytes", block_json(series, row)},
          {"repeat", row.role == Row::Role::repeat},
          {"by_hand", row.role == Row::Role::by_hand}};
}

/// How long it took. Keys of DESIGN that nothing measures yet are null.
Json time_json(const Series& series, const Row& row, const Summary& summary) {
  return {{"picked", summary.picked ? Json(summary.picked.name()) : Json(row.name())},
          {"runs", summary.runs},
          {"settled", summary.settled},
          {"wall_s", summary.wall_s},
          {"wall_mad", summary.wall_mad},
          {"cpu_s", summary.cpu_s},
          {"cpu_mad", summary.cpu_mad},
          {"receiver_cpu_s", or_null(summary.receiver_cpu_s)},
          {"feeder_cpu_s", or_null(summary.feeder_cpu_s)},
          {"wall_vs_read_write", ratio_json(summary.wall)},
          {"cpu_vs_read_write", ratio_json(summary.cpu)},
          {"wall_vs_best_read_write", ratio_json(summary.wall_to_best)},
          {"cpu_vs_best_read_write", ratio_json(summary.cpu_to_best)},
          {"gib_per_s", summary.gib_per_s},
          {"latency_p50_us", microseconds_json(summary.latency_p50_s)},
          {"latency_p99_us", microseconds_json(summary.latency_p99_s)},
          {"latency_p99_vs_read_write", summary.latency_p99_s ? ratio_json(summary.p99) : Json()},
          {"latency_p99_settled", summary.latency_p99_s ? Json(summary.p99_settled) : Json()},
          {"requests", series.requests ? Json(series.requests) : Json()},
          {"repeats", series.repeats}};
}

/// What was copied, by construction and as seen.
Json copies_json(const Series& series, const Row& row, const Summary& summary) {
  const CopyProfile& profile = row.profile;
  const bool sampled = profile.samples() > 0;
  const std::string& denied = series.sampling_denied;
  return {{"cpu_copies", or_null(summary.cpu_copies)},
          {"cpu_copies_expected", or_null(summary.planned_cpu_copies)},
          {"dma_copies", or_null(summary.dma_copies)},
          {"known_by", leat::name_of(summary.known_by)},
          {"memory_traffic_bytes", or_null(summary.memory_traffic_bytes)},
          {"copy_share", sampled ? Json(profile.copy_share()) : Json()},
          {"copy_share_error", sampled ? Json(profile.copy_share_error()) : Json()},
          {"samples", profile.samples()},
          {"samples_lost", profile.lost},
          {"copy_share_denied", denied.empty() ? Json() : Json(denied)},
          {"cpu_profile", sampled ? profile_json(profile) : Json()}};
}

Json row_json(const Series& series, const Row& row) {
  const Summary summary = summarize(series, row);
  Json json = where_json(series, row);
  json.update(time_json(series, row, summary));
  json.update({{"calls", count_json(summary.calls)},
               {"mode_switches", count_json(2 * summary.calls)},  // into the kernel and back
               {"voluntary_switches", count_json(summary.voluntary_switches)},
               {"involuntary_switches", count_json(summary.involuntary_switches)}});
  json.update(copies_json(series, row, summary));
  json.update({{"waited_for_cpu_share", summary.waited_share},
               {"limited_by", name_of(summary.limited_by)},
               {"page_cache_growth_bytes", summary.page_cache_growth_bytes},
               {"peak_rss_bytes", summary.peak_rss_bytes},
               {"rss_anon_bytes", summary.rss_anon_bytes}});
  return json;
}

/// Of several series the noise that is furthest from 1 counts.
Json noise_json(const std::vector<Series>& all) {
  Ratio wall;
  Ratio cpu;
  const auto take_worse = [](Ratio& worst, const Ratio& ratio) {
    if (std::abs(std::log(ratio.ratio)) > std::abs(std::log(worst.ratio))) worst = ratio;
  };
  for (const Series& series : all) {
    for (const Row& row : series.rows) {
      if (row.role != Row::Role::repeat) continue;
      take_worse(wall, compare(row, series.baseline(), wall_of));
      take_worse(cpu, compare(row, series.baseline(), cpu_of));
    }
  }
  return {{"wall", wall.ratio}, {"cpu", cpu.ratio}};
}

Json sweep_json(const Series& series) {
  Json points = Json::array();
  for (const SweepPoint& point : series.sweep) {
    points.push_back({{"source", name_of(series.pair.source)},
                      {"sink", name_of(series.pair.sink)},
                      {"path", path_of(series.pair)},
                      {"size", series.size},
                      {"block_bytes", point.block_bytes},
                      {"wall_vs_read_write", ratio_json(point.wall)},
                      {"cpu_vs_read_write", ratio_json(point.cpu)}});
  }
  return points;
}

/// Whether the rows rank alike by CPU time and by copied bytes.
Json ranking_json(const Series& series) {
  Json contradictions = Json::array();
  for (const Contradiction& found : find_contradictions(series)) {
    contradictions.push_back({{"copies_less", found.copies_less->label()},
                              {"copies_more", found.copies_more->label()},
                              {"cpu", ratio_json(found.cpu)}});
  }
  return {{"source", name_of(series.pair.source)},
          {"sink", name_of(series.pair.sink)},
          {"path", path_of(series.pair)},
          {"size", series.size},
          {"cache", name_of(series.pair.cache)},
          {"receiver", series.pair.is_received() ? Json(name_of(series.pair.receiver)) : Json()},
          {"equal", contradictions.empty()},
          {"contradictions", contradictions}};
}

void append(Json& list, const Json& more) { list.insert(list.end(), more.begin(), more.end()); }

}  // namespace

Json origin_json(const Origin& origin) {
  return {{"host",
           {{"kernel", origin.kernel},
            {"cpu", origin.cpu},
            {"cores", origin.cores},
            {"compiler", origin.compiler}}},
          {"command", origin.command},
          {"load", origin.load}};
}

std::string format_json(const Origin& origin, const std::vector<Series>& all) {
  Json rows = Json::array();
  Json refusals = Json::array();
  Json sweep = Json::array();
  Json limits = Json::array();
  Json rankings = Json::array();
  for (const Series& series : all) {
    for (const Row& row : series.rows) rows.push_back(row_json(series, row));
    for (const Absent& absent : series.absent) {
      refusals.push_back({{"source", name_of(series.pair.source)},
                          {"sink", name_of(series.pair.sink)},
                          {"path", path_of(series.pair)},
                          {"size", series.size},
                          {"mechanism", absent.mechanism.name()},
                          {"reason", absent.reason}});
    }
    append(sweep, sweep_json(series));
    rankings.push_back(ranking_json(series));
    for (const Limit& limit : check_limits(series)) {
      limits.push_back({{"source", name_of(series.pair.source)},
                        {"sink", name_of(series.pair.sink)},
                        {"size", series.size},
                        {"limit", limit.text},
                        {"met", limit.met},
                        {"settled", limit.settled}});
    }
  }
  Json report = origin_json(origin);
  report["noise"] = noise_json(all);
  report["rows"] = rows;
  report["refusals"] = refusals;
  report["default_block_bytes"] = default_block_bytes;
  report["sweep"] = sweep;
  report["rankings"] = rankings;
  report["limits"] = limits;
  return report.dump() + "\n";
}

}  // namespace leat::app::bench
