#include <string>

#include <fmt/core.h>

#include "os/settings.h"
#include "probe/hardware.h"

namespace leat::app::probe {
namespace {

constexpr std::size_t most_devices = 16;

Folder look_at_folder(const std::string& path) {
  const auto names = os::names_in(path, 1);
  return names && !names->empty() ? Folder::shown : Folder::hidden;
}

void ask_about_rdma(Findings& findings) {
  const std::string folder = "/sys/class/infiniband";
  const auto devices = os::names_in(folder, most_devices);
  if (!devices || devices->empty()) {
    findings.push_back(judge_no_rdma(devices, look_at_folder("/sys/class")));
    return;
  }
  for (const std::string& device : *devices) {
    const std::string port = fmt::format("{}/{}/ports/1/", folder, device);
    findings.push_back(judge_rdma(device, os::first_line_of(port + "state"),
                                  os::first_line_of(port + "link_layer")));
  }
}

void ask_about_huge_pages(Findings& findings, Folder parent) {
  const std::string folder = "/sys/kernel/mm/hugepages";
  const auto sizes = os::names_in(folder, most_devices);
  if (!sizes || sizes->empty()) {
    findings.push_back(judge_no_huge_pages(sizes, parent));
    return;
  }
  for (const std::string& size : *sizes) {
    const std::string of_size = fmt::format("{}/{}/", folder, size);
    findings.push_back(judge_huge_pages(size, os::first_line_of(of_size + "nr_hugepages"),
                                        os::first_line_of(of_size + "free_hugepages")));
  }
}

}  // namespace

Findings ask_hardware() {
  Findings findings;
  ask_about_rdma(findings);
  findings.push_back(judge_nodes(os::first_line_of("/sys/devices/system/node/online"),
                                 look_at_folder("/sys/devices/system")));
  const Folder memory = look_at_folder("/sys/kernel/mm");
  ask_about_huge_pages(findings, memory);
  findings.push_back(
      judge_transparent(os::first_line_of("/sys/kernel/mm/transparent_hugepage/enabled"), memory));
  return findings;
}

}  // namespace leat::app::probe
