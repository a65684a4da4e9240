#include "bench/claims_memory.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <leat/mapping.h>

#include "bench/claims_text.h"
#include "bench/claims_textbook.h"
#include "bench/claims_verdict.h"
#include "bench/summary.h"
#include "memory/file_reads.h"
#include "memory/sharing.h"
#include "memory/slices.h"
#include "os/payload_file.h"
#include "sizes.h"

namespace leat::app::bench {
namespace {

using Json = nlohmann::ordered_json;
using memory::Group;

/// A figure that was counted has no interval.
Ratio exact(double value) { return {value, value, value}; }

/// The part of `before` that `after` does not take.
Ratio saved(double before, double after) { return exact(before > 0 ? 1 - after / before : 0); }

std::optional<Ratio> wall_of_row(const Group& group, std::string_view name) {
  const memory::Row* const row = group.find(name);
  if (!row || row->wall_ns.empty()) return std::nullopt;
  return memory::wall_to_first(group, *row);
}

/// Of any two rows of a group, not only to its first one.
Ratio wall_to(const memory::Row& row, const memory::Row& other) {
  return paired_ratio(row.wall_ns, other.wall_ns);
}

/// One of the four techniques of claim 8; what is not there was not measured.
struct Saving {
  ClaimedSaving claimed;
  std::optional<Ratio> memory{};
  std::optional<Ratio> speed{};
  std::string how{};
};

/// From the anonymous memory of the sending processes, and the wall times. `shared_bytes` are there
/// in both cases: the file's own pages.
void fill_from_series(Saving& saving, const Series& series, std::string_view mechanism,
                      std::uint64_t shared_bytes) {
  const auto row = row_of(series, mechanism);
  if (!row) return;
  const auto held = [&](const bench::Row& one) {
    return static_cast<double>(shared_bytes + summarize(series, one).rss_anon_bytes);
  };
  saving.memory = saved(held(series.baseline()), held(*row));
  saving.speed = speed_of(compare(*row, series.baseline(), wall_of));
}

std::vector<Saving> savings_of(const SavingsSeen& seen) {
  std::vector<Saving> all;
  all.reserve(claimed_savings.size());
  for (const ClaimedSaving& claimed : claimed_savings) all.push_back({claimed});
  fill_from_series(all[0], seen.file_to_tcp, "sendfile", seen.file_to_tcp.size);
  all[0].how =
      "the file's pages and the sender's own memory, against read+write by blocks of 64 KiB";
  fill_from_series(all[1], seen.tcp_to_tcp, "splice", 0);
  all[1].how = "the forwarder's own memory, pipes and sockets not counted";
  const WholeFile& file = seen.whole_file;
  all[2].memory = saved(static_cast<double>(file.size + file.read_bytes),
                        static_cast<double>(file.size + file.mapped_bytes));
  if (const auto mapped = wall_of_row(seen.large_file, memory::read_rows::mapped))
    all[2].speed = speed_of(*mapped);
  all[2].how =
      "the file's pages and a buffer of all of it; time against a reused buffer of 256 KiB";
  const auto* const shared = seen.sharing.find(memory::sharing_rows::threads);
  const double copies = memory::consumers;
  if (shared) all[3].memory = exact(1 - seen.sharing.copies(shared->pss_bytes) / copies);
  const memory::Row* const part = seen.slices.find(memory::slice_rows::counted);
  const memory::Row* const copy = seen.slices.find(memory::slice_rows::new_copy);
  if (part && copy) all[3].speed = speed_of(wall_to(*part, *copy));
  all[3].how =
      fmt::format("{} consumers; a ref-counted slice of 64 KiB against a copy", memory::consumers);
  return all;
}

/// What an answer is put together from.
struct Findings {
  std::vector<NamedAgreement> figures{};
  std::vector<std::string> here{};
  Json rows = Json::array();
};

/// `below` and `above` as for `say`.
Claim answer(int number, const Findings& found, std::string_view below, std::string_view above,
             const std::string& remarks) {
  Claim claim = unanswered(number);
  claim.here = join(found.here, "; ");
  claim.verdict = judge(found.figures);
  claim.why = join({say(found.figures, below, above), remarks}, "; ");
  claim.figures["rows"] = found.rows;
  return claim;
}

/// Without a sign where nothing is saved.
std::string saved_text(const Ratio& ratio) {
  return fmt::format("{:.0f} %", std::round(100 * ratio.ratio) + 0.0);
}

}  // namespace

std::expected<WholeFile, std::string> measure_whole_file(const Payload& payload) {
  const auto meter = memory::UseMeter::start();
  if (!meter) return std::unexpected(meter.error());
  WholeFile seen{.size = payload.size};
  {
    auto buffer = memory::written_pages(payload.size);
    if (!buffer) return std::unexpected(buffer.error());
    if (const auto read = os::read_into(payload.file, buffer->bytes()); !read) {
      return std::unexpected(read.error().message());
    }
    const auto row = meter->read("read");
    if (!row) return std::unexpected(row.error());
    seen.read_bytes = row->anonymous_bytes.value_or(0);
  }
  const auto mapping = Mapping::of(payload.file, {0, payload.size}, {.populate = true});
  if (!mapping) return std::unexpected(mapping.error().message());
  const auto row = meter->read("mapped");
  if (!row) return std::unexpected(row.error());
  seen.mapped_bytes = row->anonymous_bytes.value_or(0);
  return seen;
}

Claim answer_savings(const SavingsSeen& seen) {
  Findings found;
  std::vector<std::string> missing;
  for (const Saving& saving : savings_of(seen)) {
    const std::string name(saving.claimed.technique);
    if (!saving.memory || !saving.speed) {
      missing.push_back(name);
      continue;
    }
    found.figures.push_back(
        {name + " (memory)", compare_to(*saving.memory, saving.claimed.memory)});
    found.figures.push_back({name + " (speed)", compare_to(*saving.speed, saving.claimed.speed)});
    found.here.push_back(fmt::format("{}: {} of memory saved, {} times as fast ({})", name,
                                     saved_text(*saving.memory), times_text(*saving.speed),
                                     saving.how));
    found.rows.push_back({{"technique", name},
                          {"memory_saved", saving.memory->ratio},
                          {"speed", ratio_json(*saving.speed)}});
  }
  return answer(8, found, "less than claimed", "more than claimed",
                join({missing.empty() ? "" : "not measured: " + join(missing, ", "),
                      "what is saved is the second copy of the bytes: much where a program would "
                      "hold all of them, nothing where it holds a block"},
                     "; "));
}

Claim answer_slices(const Group& slices) {
  const memory::Row* const copy = slices.find(memory::slice_rows::new_copy);
  if (!copy || copy->wall_ns.empty()) {
    Claim claim = unanswered(10);
    claim.why = "not measured: the copy";
    return claim;
  }
  Findings found;
  for (const memory::Row& row : slices.rows) {
    if (row.repeat) continue;
    std::string text = fmt::format("{} {:.3g} ns", row.name, median(row.wall_ns));
    if (row.heap) {
      text += fmt::format(", {:.0f} B, {:.0f} allocations", row.heap->bytes, row.heap->allocations);
    }
    found.here.push_back(std::move(text));
    found.rows.push_back({{"name", row.name},
                          {"wall_ns", median(row.wall_ns)},
                          {"bytes", row.heap ? Json(row.heap->bytes) : Json()},
                          {"allocations", row.heap ? Json(row.heap->allocations) : Json()}});
    const bool is_slice =
        row.name == memory::slice_rows::call_scoped || row.name == memory::slice_rows::counted;
    if (!is_slice) continue;
    found.figures.push_back({row.name + " (time to a copy's)",
                             compare_to(wall_to(row, *copy), around(claimed_slice_to_copy))});
    if (row.heap) {
      found.figures.push_back({row.name + " (allocations)",
                               row.heap->allocations == 0 ? Agreement::agrees : Agreement::above});
    }
  }
  return answer(10, found, "less than claimed", "more than claimed",
                "a copy into a buffer that is kept allocates nothing either, and costs what the "
                "memory's bandwidth makes it");
}

Claim answer_mapping(const Group& written, const Group& read_ahead) {
  Findings found;
  for (const auto& [group, how] :
       {std::pair<const Group&, std::string_view>(written, "written in one call"),
        std::pair<const Group&, std::string_view>(read_ahead, "read in by readahead")}) {
    for (const char* const name : {memory::read_rows::kept, memory::read_rows::mapped}) {
      const auto ratio = wall_of_row(group, name);
      if (!ratio) continue;
      found.figures.push_back(
          {fmt::format("{}, {}", name, how), compare_to(*ratio, around(claimed_mapped_to_read))});
      found.here.push_back(fmt::format("{}, {}: {:.0f} ns, {} of reading", name, how,
                                       median(group.find(name)->wall_ns), percent_text(*ratio)));
      found.rows.push_back({{"name", name}, {"cached", how}, {"wall_vs_read", ratio_json(*ratio)}});
    }
    const memory::Row* const read = group.find(memory::read_rows::read);
    if (read && !read->wall_ns.empty()) {
      found.here.push_back(fmt::format("pread, {}: {:.0f} ns = 100", how, median(read->wall_ns)));
    }
  }
  return answer(
      11, found, "cheaper than claimed", "dearer than claimed",
      "mapping costs page tables, one entry a page: it pays where the mapping is kept, or "
      "the file lies in large folios");
}

}  // namespace leat::app::bench
