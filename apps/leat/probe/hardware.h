/// RDMA devices, NUMA nodes and huge pages, as /sys has them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <leat/error.h>

#include "probe/finding.h"

namespace leat::app::probe {

/// Whether the folder in which something is missing shows anything: if it does not, a sandbox has
/// hidden it or mounted an empty folder over it, and nobody knows what is missing.
enum class Folder : std::uint8_t { shown, hidden };

/// Where /sys/class/infiniband lists no device.
Finding judge_no_rdma(const Result<std::vector<std::string>>& devices, Folder folder);
/// `state`: "4: ACTIVE"; `link`: "InfiniBand", "Ethernet": those of its first port.
Finding judge_rdma(const std::string& device, const Result<std::string>& state,
                   const Result<std::string>& link);
/// `online`: "0-1,4".
Finding judge_nodes(const Result<std::string>& online, Folder folder);
/// `size`: "hugepages-2048kB", a folder with the files nr_hugepages and free_hugepages.
Finding judge_huge_pages(const std::string& size, const Result<std::string>& reserved,
                         const Result<std::string>& free);
/// Where no size is listed.
Finding judge_no_huge_pages(const Result<std::vector<std::string>>& sizes, Folder folder);
/// `choice`: "always [madvise] never".
Finding judge_transparent(const Result<std::string>& choice, Folder folder);

Findings ask_hardware();

}  // namespace leat::app::probe
