#include "bench/claims_costs.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "bench/claims_text.h"
#include "bench/claims_textbook.h"
#include "bench/claims_verdict.h"
#include "bench/summary.h"

namespace leat::app::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string absent_text(const std::vector<std::string>& names) {
  return names.empty() ? "" : "not measured: " + join(names, ", ");
}

/// Why a mechanism has no row, in the series' own words.
std::string reason_for(const Series& series, std::string_view mechanism) {
  for (const Absent& absent : series.absent) {
    if (absent.mechanism.name() == mechanism) {
      return fmt::format("{} ({})", textbook_name(mechanism), absent.reason);
    }
  }
  return std::string(textbook_name(mechanism));
}

/// What the copies of one row say to the textbook.
struct CopiesSeen {
  std::optional<double> copies;
  std::optional<double> dma;
  KnownBy known_by = KnownBy::unknown;
};

CopiesSeen copies_of(const Series& series, const Row& row) {
  const Summary summary = summarize(series, row);
  return {summary.cpu_copies, summary.dma_copies, summary.known_by};
}

Agreement agreement_of(double copies, unsigned claimed) {
  constexpr double tolerance = 0.01;  // a kernel that copied one segment of many
  if (std::abs(copies - claimed) <= tolerance) return Agreement::agrees;
  return copies < claimed ? Agreement::below : Agreement::above;
}

}  // namespace

Claim answer_costs(const Series& file_to_tcp) {
  Claim claim = unanswered(1);
  std::vector<NamedAgreement> figures;
  std::vector<std::string> walls;
  std::vector<std::string> cpus;
  std::vector<std::string> missing;
  Json rows = Json::array();
  for (const Claimed& claimed : claimed_costs) {
    const Row* row = row_of(file_to_tcp, claimed.mechanism);
    const std::string name(textbook_name(claimed.mechanism));
    if (!row) {
      missing.push_back(reason_for(file_to_tcp, claimed.mechanism));
      continue;
    }
    const Ratio wall = compare(*row, file_to_tcp.baseline(), wall_of);
    const Ratio cpu = compare(*row, file_to_tcp.baseline(), cpu_of);
    const Agreement by_wall = compare_to(wall, around(claimed.figure));
    const Agreement by_cpu = compare_to(cpu, around(claimed.figure));
    figures.push_back({name + " (time)", by_wall});
    figures.push_back({name + " (CPU)", by_cpu});
    walls.push_back(fmt::format("{} {}", name, percent_text(wall)));
    cpus.push_back(fmt::format("{} {}", name, percent_text(cpu)));
    rows.push_back({{"mechanism", claimed.mechanism},
                    {"claimed", claimed.figure},
                    {"runs", row->samples.size()},
                    {"wall_vs_read_write", ratio_json(wall)},
                    {"cpu_vs_read_write", ratio_json(cpu)},
                    {"wall", name_of(by_wall)},
                    {"cpu", name_of(by_cpu)}});
  }
  claim.here = fmt::format("time: {}; CPU: {}", join(walls, ", "), join(cpus, ", "));
  claim.verdict = judge(figures);
  claim.why = join(
      {say(figures, "cheaper than claimed", "dearer than claimed"), absent_text(missing)}, "; ");
  claim.figures = {{"size", file_to_tcp.size}, {"path", path_of(file_to_tcp.pair)}, {"rows", rows}};
  return claim;
}

Claim answer_copies(const Series& file_to_tcp, const Series& memory_to_tcp) {
  Claim claim = unanswered(2);
  std::vector<NamedAgreement> figures;
  std::vector<std::string> seen;
  std::vector<std::string> carried;
  std::vector<std::string> missing;
  Json rows = Json::array();
  for (const ClaimedCopies& claimed : claimed_copies) {
    const bool from_memory = claimed.mechanism == "zerocopy_send";
    const Series& series = from_memory ? memory_to_tcp : file_to_tcp;
    const Row* row = row_of(series, claimed.mechanism);
    const std::string name(textbook_name(claimed.mechanism));
    if (!row) {
      missing.push_back(reason_for(series, claimed.mechanism));
      continue;
    }
    const CopiesSeen copies = copies_of(series, *row);
    Json agreement;
    if (copies.copies) {
      figures.push_back({name, agreement_of(*copies.copies, claimed.cpu)});
      agreement = name_of(figures.back().agreement);
      const bool reported = copies.known_by == KnownBy::kernel;
      seen.push_back(fmt::format("{} {:.0f}{}", name, *copies.copies,
                                 reported ? " (the kernel's own word)" : ""));
    } else {
      seen.push_back(name + " unknown");
    }
    rows.push_back({{"mechanism", claimed.mechanism},
                    {"claimed_cpu", claimed.cpu},
                    {"claimed_dma", claimed.dma},
                    {"cpu_copies", copies.copies ? Json(*copies.copies) : Json()},
                    {"dma_copies", copies.dma ? Json(*copies.dma) : Json()},
                    {"known_by", leat::name_of(copies.known_by)},
                    {"cpu", agreement}});
    if (copies.dma.value_or(0) > 0) {
      carried.push_back(fmt::format("{} {:.0f} (the disk)", name, *copies.dma));
    }
  }
  claim.here =
      fmt::format("by a CPU: {}; by DMA: {}the others 0, as the file is warm and {} has no card",
                  join(seen, ", "), carried.empty() ? "" : join(carried, ", ") + ", ",
                  path_of(file_to_tcp.pair));
  claim.verdict = judge(figures);
  claim.why =
      join({"CPU copies " + say(figures, "fewer than claimed", "more than claimed"),
            absent_text(missing),
            "direct I/O: the socket copies from leat's block, and what the file system does "
            "nobody tells",
            "a card's DMA and RDMA: none here"},
           "; ");
  claim.figures = {{"path", path_of(file_to_tcp.pair)}, {"rows", rows}};
  return claim;
}

Claim answer_speeds(const Series& file_to_tcp, const Series& memory_to_tcp) {
  Claim claim = unanswered(4);
  std::vector<NamedAgreement> figures;
  std::vector<std::string> speeds;
  std::vector<std::string> missing;
  Json rows = Json::array();
  std::string copied;
  for (const Claimed& claimed : claimed_speeds) {
    const bool from_memory = claimed.mechanism == "zerocopy_send";
    const Series& series = from_memory ? memory_to_tcp : file_to_tcp;
    const Row* row = row_of(series, claimed.mechanism);
    const std::string name(textbook_name(claimed.mechanism));
    if (!row) {
      missing.push_back(reason_for(series, claimed.mechanism));
      continue;
    }
    const Ratio speed = speed_of(compare(*row, series.baseline(), wall_of));
    figures.push_back({name, compare_to(speed, around(claimed.figure))});
    speeds.push_back(fmt::format("{} {}", name, times_text(speed)));
    const CopiesSeen copies = copies_of(series, *row);
    if (from_memory && copies.known_by == KnownBy::kernel && copies.copies.value_or(0) > 0.01) {
      copied = "here the kernel copies what MSG_ZEROCOPY sends, and says so";
    }
    rows.push_back({{"mechanism", claimed.mechanism},
                    {"claimed", claimed.figure},
                    {"source", name_of(series.pair.source)},
                    {"runs", row->samples.size()},
                    {"speed_vs_read_write", ratio_json(speed)},
                    {"speed", name_of(figures.back().agreement)}});
  }
  claim.here =
      fmt::format("{} (sendfile from a file, MSG_ZEROCOPY from memory)", join(speeds, ", "));
  claim.verdict = judge(figures);
  claim.why = join(
      {say(figures, "slower than claimed", "faster than claimed"), copied, absent_text(missing)},
      "; ");
  claim.figures = {{"size", file_to_tcp.size}, {"path", path_of(file_to_tcp.pair)}, {"rows", rows}};
  return claim;
}

}  // namespace leat::app::bench
