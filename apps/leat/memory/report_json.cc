#include <nlohmann/json.hpp>

#include "memory/report.h"

namespace leat::app::memory {
namespace {

using Json = nlohmann::ordered_json;

/// Of too few rounds there is no interval: its ends are null.
Json ratio_json(const bench::Ratio& ratio) {
  constexpr double too_wide = 1e6;
  if (ratio.high > too_wide) return {{"ratio", ratio.ratio}, {"low", nullptr}, {"high", nullptr}};
  return {{"ratio", ratio.ratio}, {"low", ratio.low}, {"high", ratio.high}};
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json row_json(const Group& group, const Row& row) {
  return {{"name", row.name},
          {"repeat", row.repeat},
          {"from_disk", row.from_disk},
          {"settled", is_settled(group, row)},
          {"samples", row.wall_ns.size()},
          {"wall_ns", bench::median(row.wall_ns)},
          {"cpu_ns", bench::median(row.cpu_ns)},
          {"wall_vs_first", ratio_json(wall_to_first(group, row))},
          {"cpu_vs_first", ratio_json(cpu_to_first(group, row))},
          {"bytes_per_op", row.heap ? Json(row.heap->bytes) : Json()},
          {"allocations_per_op", row.heap ? Json(row.heap->allocations) : Json()}};
}

Json absent_json(const std::vector<Absent>& absent) {
  Json list = Json::array();
  for (const Absent& each : absent) {
    list.push_back({{"name", each.name}, {"reason", each.reason}});
  }
  return list;
}

Json limits_json(const std::vector<bench::Limit>& limits) {
  Json list = Json::array();
  for (const bench::Limit& limit : limits) {
    list.push_back({{"limit", limit.text}, {"met", limit.met}, {"settled", limit.settled}});
  }
  return list;
}

Json group_json(const Group& group) {
  Json rows = Json::array();
  for (const Row& row : group.rows) rows.push_back(row_json(group, row));
  return {{"key", group.key},
          {"title", group.title},
          {"operation", group.operation},
          {"rounds", group.rounds},
          {"rows", rows},
          {"absent", absent_json(group.absent)},
          {"limits", limits_json(check_bounds(group))}};
}

Json use_json(const UseGroup& group) {
  Json rows = Json::array();
  for (const UseRow& row : group.rows) {
    rows.push_back({{"name", row.name},
                    {"pss_bytes", row.pss_bytes},
                    {"rss_anon_bytes", or_null(row.anonymous_bytes)},
                    {"copies", group.copies(row.pss_bytes)},
                    {"copied_bytes", or_null(row.copied_bytes)}});
  }
  return {{"key", group.key},
          {"title", group.title},
          {"size", group.size},
          {"rows", rows},
          {"absent", absent_json(group.absent)},
          {"limits", limits_json(group.limits)}};
}

}  // namespace

std::string format_json(const bench::Origin& origin, const Results& results) {
  Json groups = Json::array();
  for (const Group& group : results.groups) groups.push_back(group_json(group));
  Json uses = Json::array();
  for (const UseGroup& group : results.uses) uses.push_back(use_json(group));
  Json report = bench::origin_json(origin);
  report["comparisons"] = groups;
  report["memory_use"] = uses;
  return report.dump() + "\n";
}

}  // namespace leat::app::memory
