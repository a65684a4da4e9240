#include "probe/interfaces.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "probe/denial.h"

namespace leat::app::probe {
namespace {

constexpr std::size_t most_interfaces = 32;

/// Offloads that do one job: one of them is enough.
struct Job {
  std::string_view fact;                  ///< key in the facts
  std::string_view words;                 ///< in the detail
  std::string_view option;                ///< as ethtool -K names it
  std::array<std::string_view, 3> names;  ///< the kernel's
};

// The order is that in which they are to be switched on: without checksums the kernel drops
// scatter-gather, and without that segmentation.
constexpr std::array<Job, 7> jobs{{
    {"tx_checksum", "checksum", "tx", {"tx-checksum-ip-generic", "tx-checksum-ipv4", ""}},
    {"scatter_gather", "scatter-gather", "sg", {"tx-scatter-gather", "", ""}},
    {"tso", "TSO", "tso", {"tx-tcp-segmentation", "", ""}},
    {"gso", "GSO", "gso", {"tx-generic-segmentation", "", ""}},
    {"gro", "GRO", "gro", {"rx-gro", "", ""}},
    {"lro", "LRO", "lro", {"rx-lro", "", ""}},
    {"tls_tx", "TLS", "tls-hw-tx-offload", {"tls-hw-tx-offload", "", ""}},
}};
enum : std::size_t { checksum, scatter_gather, tso, gso, gro, lro, tls };

struct Status {
  bool on = false;
  bool changeable = false;
};
using Statuses = std::array<Status, jobs.size()>;

Statuses statuses_of(const std::vector<os::Offload>& offloads) {
  Statuses statuses;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    for (const os::Offload& offload : offloads) {
      const auto& names = jobs[i].names;
      if (std::find(names.begin(), names.end(), offload.name) == names.end()) continue;
      statuses[i].on = statuses[i].on || offload.on;
      statuses[i].changeable = statuses[i].changeable || offload.changeable;
    }
  }
  return statuses;
}

std::pair<Verdict, std::string_view> judge_pages(const Statuses& is) {
  if (!is[scatter_gather].on) {
    return {Verdict::no,
            "wants each packet in one piece: the kernel copies what sendfile and splice send"};
  }
  if (!is[checksum].on) {
    return {Verdict::limited,
            "takes scattered pages, but the CPU reads every byte for its checksum"};
  }
  if (!is[tso].on && !is[gso].on) {
    return {Verdict::limited,
            "takes scattered pages: sendfile needs no copy; the CPU works for each small packet"};
  }
  return {Verdict::yes, "takes scattered pages: sendfile needs no copy"};
}

/// Where what MSG_ZEROCOPY lends is copied by the kernel's own rule (skb_orphan_frags).
bool copies_lent_memory(const os::Interface& interface) {
  return interface.loopback || interface.driver == "veth" || interface.driver == "tun";
}

/// "; up, MTU 1500; checksum, TSO; no LRO, TLS".
std::string particulars(const os::Interface& interface, const Statuses* is) {
  std::string text = copies_lent_memory(interface) ? "; copies what MSG_ZEROCOPY lends" : "";
  text += interface.up ? "; up" : "; down";
  if (interface.mtu != 0) text += fmt::format(", MTU {}", interface.mtu);
  if (!is) return text;
  std::string on;
  std::string off;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (i == scatter_gather) continue;  // that is what the verdict says
    std::string& list = (*is)[i].on ? on : off;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", jobs[i].words);
  }
  if (!on.empty()) text += "; " + on;
  if (!off.empty()) text += "; no " + off;
  return text;
}

/// LRO is left alone: it breaks forwarding.
std::string remedy_for(const std::string& name, const Statuses& is) {
  std::string switches;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (i == lro || is[i].on || !is[i].changeable) continue;
    switches += fmt::format(" {} on", jobs[i].option);
  }
  return switches.empty() ? "" : fmt::format("ethtool -K {}{}", name, switches);
}

Finding interface_finding(std::string name, Verdict verdict, std::string detail) {
  return {.section = Section::interfaces,
          .name = std::move(name),
          .verdict = verdict,
          .detail = std::move(detail),
          .remedy = {},
          .facts = {}};
}

}  // namespace

Finding judge_interface(const os::Interface& interface) {
  std::vector<Fact> facts{{"up", interface.up ? "yes" : "no"},
                          {"mtu", interface.mtu == 0 ? "unknown" : std::to_string(interface.mtu)},
                          {"driver", interface.driver.empty() ? "unknown" : interface.driver}};
  if (!interface.offloads) {
    Finding finding = interface_finding(
        interface.name, Verdict::unknown,
        fmt::format("its offloads are not told: {} answers {}{}",
                    interface.offloads.error().operation, interface.offloads.error().name(),
                    particulars(interface, nullptr)));
    for (const Job& job : jobs) facts.push_back({std::string(job.fact), "unknown"});
    finding.facts = std::move(facts);
    return finding;
  }
  const Statuses is = statuses_of(*interface.offloads);
  const auto [verdict, words] = judge_pages(is);
  Finding finding =
      interface_finding(interface.name, verdict, std::string(words) + particulars(interface, &is));
  finding.remedy = remedy_for(interface.name, is);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    facts.push_back({std::string(jobs[i].fact), is[i].on ? "yes" : "no"});
  }
  finding.facts = std::move(facts);
  return finding;
}

Findings ask_interfaces() {
  const auto names = os::interface_names();
  if (!names) {
    return {interface_finding("all", Verdict::unknown,
                              fmt::format("the interfaces cannot be listed: {} answers {}",
                                          names.error().operation, names.error().name()))};
  }
  Findings findings;
  for (const std::string& name : *names) {
    if (findings.size() == most_interfaces) {
      findings.push_back(interface_finding(
          "others", Verdict::unknown,
          fmt::format("{} more were not asked", names->size() - most_interfaces)));
      break;
    }
    const auto interface = os::look_at_interface(name);
    findings.push_back(
        interface ? judge_interface(*interface)
                  : interface_finding(name, Verdict::unknown,
                                      fmt::format("{} answers {}", interface.error().operation,
                                                  interface.error().name())));
  }
  return findings;
}

}  // namespace leat::app::probe
