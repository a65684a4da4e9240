#include "probe/hardware.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "probe/denial.h"
#include "sizes.h"

namespace leat::app::probe {
namespace {

Finding hardware_finding(std::string name, Verdict verdict, std::string detail,
                         std::string remedy = {}) {
  return {.section = Section::hardware,
          .name = std::move(name),
          .verdict = verdict,
          .detail = std::move(detail),
          .remedy = std::move(remedy),
          .facts = {}};
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

Finding judge_missing(std::string name, const Error& error, Folder folder, std::string why) {
  if (error.is(ENOENT) && folder == Folder::shown) {
    return hardware_finding(std::move(name), Verdict::no, std::move(why));
  }
  return hardware_finding(std::move(name), Verdict::unknown, unreadable(error));
}

/// How many numbers "0-1,4" stands for.
std::optional<std::uint64_t> count_in_list(std::string_view list) {
  std::uint64_t count = 0;
  while (!list.empty()) {
    const std::string_view range = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), range.size() + 1));
    const std::size_t dash = range.find('-');
    const auto first = number_in(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number_in(range.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    count += *last - *first + 1;
  }
  return count;
}

/// "2048kB" of "hugepages-2048kB", in bytes.
std::optional<std::uint64_t> page_bytes(std::string_view folder) {
  constexpr std::string_view before = "hugepages-";
  constexpr std::string_view after = "kB";
  if (!folder.starts_with(before) || !folder.ends_with(after)) return std::nullopt;
  folder.remove_prefix(before.size());
  folder.remove_suffix(after.size());
  const auto kilobytes = number_in(folder);
  if (!kilobytes) return std::nullopt;
  return *kilobytes << 10;
}

}  // namespace

Finding judge_no_rdma(const Result<std::vector<std::string>>& devices, Folder folder) {
  if (devices) return hardware_finding("RDMA", Verdict::no, "no device in /sys/class/infiniband");
  return judge_missing("RDMA", devices.error(), folder,
                       "no driver is loaded: there is no /sys/class/infiniband");
}

Finding judge_rdma(const std::string& device, const Result<std::string>& state,
                   const Result<std::string>& link) {
  const std::string name = "RDMA " + device;
  const std::string kind = link ? *link : "link layer not told";
  if (!state) return hardware_finding(name, Verdict::unknown, unreadable(state.error()));
  const bool active = state->find("ACTIVE") != std::string::npos;
  return hardware_finding(name, active ? Verdict::yes : Verdict::limited,
                          fmt::format("port 1 is {}, {}", *state, kind));
}

Finding judge_nodes(const Result<std::string>& online, Folder folder) {
  constexpr const char* name = "NUMA nodes";
  if (!online) {
    return judge_missing(name, online.error(), folder,
                         "this kernel knows no nodes: all memory is alike");
  }
  const auto count = count_in_list(*online);
  if (!count || *count == 0) {
    return hardware_finding(name, Verdict::unknown, fmt::format("'{}' is no list", *online));
  }
  if (*count == 1) {
    return hardware_finding(name, Verdict::yes, "1: all memory is near to every processor");
  }
  return hardware_finding(
      name, Verdict::yes,
      fmt::format("{} ({}): a thread and the card it sends by are best kept on one", *count,
                  *online));
}

Finding judge_no_huge_pages(const Result<std::vector<std::string>>& sizes, Folder folder) {
  if (sizes) return hardware_finding("huge pages", Verdict::no, "this kernel has no size of them");
  return judge_missing("huge pages", sizes.error(), folder, "this kernel has none");
}

Finding judge_huge_pages(const std::string& size, const Result<std::string>& reserved,
                         const Result<std::string>& free) {
  const auto bytes = page_bytes(size);
  const std::string name = "huge pages " + (bytes ? format_size(*bytes) : size);
  if (!reserved) return hardware_finding(name, Verdict::unknown, unreadable(reserved.error()));
  const auto count = number_in(*reserved);
  if (!count) {
    return hardware_finding(name, Verdict::unknown, fmt::format("'{}' is no number", *reserved));
  }
  if (*count > 0) {
    return hardware_finding(name, Verdict::yes,
                            fmt::format("{} reserved, {} free", *count, free ? *free : "unknown"));
  }
  return hardware_finding(name, Verdict::no, "none reserved; leat asks for transparent ones");
}

Finding judge_transparent(const Result<std::string>& choice, Folder folder) {
  constexpr const char* name = "huge pages THP";
  if (!choice) return judge_missing(name, choice.error(), folder, "this kernel has none");
  if (choice->find("[always]") != std::string::npos) {
    return hardware_finding(name, Verdict::yes, "always: for any memory that is large enough");
  }
  if (choice->find("[madvise]") != std::string::npos) {
    return hardware_finding(name, Verdict::yes, "madvise: for memory that asks for them");
  }
  if (choice->find("[never]") != std::string::npos) {
    return hardware_finding(
        name, Verdict::no,
        "never: blocks of direct_io lie in small pages, and the disk gets more requests",
        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
  }
  return hardware_finding(name, Verdict::unknown, fmt::format("'{}' is no known choice", *choice));
}

}  // namespace leat::app::probe
