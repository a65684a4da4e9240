#include "probe/format_json.h"

#include <nlohmann/json.hpp>

namespace leat::app::probe {
namespace {

using Json = nlohmann::ordered_json;

Json mechanism_list(const std::vector<MechanismAnswer>& answers) {
  Json list = Json::array();
  for (const MechanismAnswer& answer : answers) {
    list.push_back({{"mechanism", answer.mechanism.name()},
                    {"available", answer.available()},
                    {"reason", answer.available() ? Json() : Json(answer.reason)},
                    {"summary", answer.mechanism.summary()}});
  }
  return list;
}

Json entry_of(const Finding& finding) {
  Json facts = Json::object();
  for (const Fact& fact : finding.facts) facts[fact.name] = fact.value;
  return {{"name", finding.name},
          {"verdict", name_of(finding.verdict)},
          {"detail", finding.detail},
          {"remedy", finding.remedy.empty() ? Json() : Json(finding.remedy)},
          {"facts", std::move(facts)}};
}

}  // namespace

std::string as_json(const std::vector<Section>& sections,
                    const std::vector<MechanismAnswer>& mechanisms, const Findings& findings) {
  Json all = Json::object();
  for (const Section section : sections) {
    Json list = Json::array();
    if (section == Section::mechanisms) list = mechanism_list(mechanisms);
    for (const Finding& finding : findings) {
      if (finding.section == section) list.push_back(entry_of(finding));
    }
    all[std::string(name_of(section))] = std::move(list);
  }
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace leat::app::probe
