#include "bench/claims_run.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "bench/claims_calls.h"
#include "bench/claims_costs.h"
#include "bench/claims_kernel.h"
#include "bench/claims_memory.h"
#include "bench/claims_orders.h"
#include "bench/claims_textbook.h"
#include "bench/claims_web.h"
#include "bench/payload.h"
#include "memory/file_reads.h"
#include "memory/sharing.h"
#include "memory/slices.h"
#include "sizes.h"

namespace leat::app::bench {
namespace {

/// A cold file is read from the disk by every row of every round.
constexpr std::uint64_t most_cold_bytes = 256ull << 20;
constexpr std::uint64_t large_body_bytes = 1u << 20;

/// Whole pages, and no more than a quarter of a GiB: that says all.
std::uint64_t memory_size(std::uint64_t size) {
  constexpr std::uint64_t most = 256ull << 20;
  constexpr std::uint64_t step = 64u << 10;
  return std::min(most, (size + step - 1) / step * step);
}

Settings only(Settings settings, std::initializer_list<std::string_view> names) {
  settings.automatic = false;
  settings.mechanisms.clear();
  for (const std::string_view name : names) {
    if (const auto mechanism = Mechanism::named(name)) settings.mechanisms.push_back(*mechanism);
  }
  return settings;
}

Settings of_orders(const Settings& settings) {
  return only(settings, {"mmap_write", "sendfile", "splice", "direct_io"});
}

/// The same in a file that no run finds in the page cache. The error is why there is none.
std::expected<Series, std::string> run_cold(const std::string& folder, std::uint64_t size,
                                            const Settings& settings) {
  const Pair pair{.cache = Cache::cold};
  auto file = make_payload(folder, size, room_for(pair), Cache::cold);
  if (!file) return std::unexpected(file.error());
  return run_series({.file = file->file, .size = size, .folder = folder}, pair,
                    of_orders(settings));
}

/// Claims 1, 2, 4, 5 and 7. Returns the series of a file to TCP.
std::expected<Series, std::string> answer_transfers(std::vector<Claim>& claims,
                                                    const Payload& payload,
                                                    const Settings& settings) {
  auto from_file = run_series(payload, {}, of_orders(settings));
  if (!from_file) return std::unexpected(from_file.error());
  const auto from_memory =
      run_series(payload, {.source = SourceKind::memory}, only(settings, {"zerocopy_send"}));
  if (!from_memory) return std::unexpected(from_memory.error());
  const std::uint64_t cold_size = std::min(payload.size, most_cold_bytes);
  const auto cold = run_cold(payload.folder, cold_size, settings);

  claims.push_back(answer_costs(*from_file));
  claims.push_back(answer_copies(*from_file, *from_memory));
  claims.push_back(answer_speeds(*from_file, *from_memory));
  const std::string warm_name = fmt::format("{}, warm", format_size(payload.size));
  const std::string cold_name = fmt::format("{}, cold", format_size(cold_size));
  const auto order = [&](int number, std::span<const std::string_view> claimed,
                         double (*value)(const Sample&)) {
    std::vector<Condition> conditions{condition_of(warm_name, *from_file, value)};
    if (cold) conditions.push_back(condition_of(cold_name, *cold, value));
    Claim claim = answer_order(number, claimed, conditions);
    if (!cold) claim.why += fmt::format(". Not measured cold: {}", cold.error());
    claims.push_back(std::move(claim));
  };
  order(5, claimed_throughput, wall_of);
  order(7, claimed_cpu, cpu_of);
  return from_file;
}

/// Claims 6 and 9.
std::expected<void, std::string> answer_requests(std::vector<Claim>& claims, const Payload& payload,
                                                 const Settings& settings) {
  Payload small = payload;
  small.size = std::min(payload.size, small_bytes);
  const auto latency = run_series(small, {}, of_orders(settings));
  if (!latency) return std::unexpected(latency.error());
  const std::string name = fmt::format("median of requests for {} over a kept connection, warm",
                                       format_size(small.size));
  claims.push_back(answer_order(6, claimed_latency, {condition_of(name, *latency, wall_of)}));

  std::vector<WebSeries> sizes;
  for (const std::uint64_t body : {small_bytes, large_body_bytes}) {
    if (body > payload.size && !sizes.empty()) break;
    auto series = run_web(payload, web_rows(std::min(body, payload.size)), settings,
                          {&WebSample::wall_s, &WebSample::cpu_s});
    if (!series) return std::unexpected(series.error());
    sizes.push_back(std::move(*series));
  }
  claims.push_back(answer_web(sizes));
  return {};
}

/// Claims 3 and 12 to 14: no time is measured.
std::expected<void, std::string> answer_calls(std::vector<Claim>& claims, const Payload& payload) {
  const auto pieces = count_piece_calls(payload);
  if (!pieces) return std::unexpected(pieces.error().message());
  claims.push_back(answer_switches(*pieces, piece_bytes(payload)));
  const auto by_sendfile = try_sendfile(payload);
  if (!by_sendfile) return std::unexpected(by_sendfile.error().message());
  claims.push_back(answer_sendfile(*by_sendfile));
  const auto by_splice = try_splice(payload);
  if (!by_splice) return std::unexpected(by_splice.error().message());
  claims.push_back(answer_splice(*by_splice));
  claims.push_back(answer_zerocopy(try_zerocopy()));
  return {};
}

/// Claim 8, from `file_to_tcp` and what is measured here.
std::expected<Claim, std::string> answer_memory_saved(
    const Payload& payload, const Series& file_to_tcp, const memory::Group& slices,
    const memory::UseGroup& sharing, const memory::ReadSettings& reads, const Settings& settings) {
  Payload part = payload;
  part.size = std::min(payload.size, reads.size);
  const auto forwarded = run_series(part, {.source = SourceKind::tcp, .sink = SinkKind::tcp},
                                    only(settings, {"splice"}));
  if (!forwarded) return std::unexpected(forwarded.error());
  const auto whole_file = measure_whole_file(part);
  if (!whole_file) return std::unexpected(whole_file.error());
  const auto large = memory::measure_large_file(reads);
  if (!large) return std::unexpected(large.error());
  return answer_savings({.file_to_tcp = file_to_tcp,
                         .tcp_to_tcp = *forwarded,
                         .whole_file = *whole_file,
                         .large_file = large->back(),
                         .slices = slices,
                         .sharing = sharing});
}

/// Claims 8, 10 and 11. `sharing` was measured before, as that forks.
std::expected<void, std::string> answer_memory(std::vector<Claim>& claims, const Payload& payload,
                                               const Series& file_to_tcp,
                                               const memory::UseGroup& sharing,
                                               const Settings& settings) {
  const memory::ReadSettings reads{.timing = {.min_rounds = settings.min_rounds,
                                              .max_rounds = settings.max_rounds,
                                              .progress = settings.progress},
                                   .folder = payload.folder,
                                   .size = memory_size(payload.size)};
  const auto slices = memory::measure_slices(reads.timing);
  if (!slices) return std::unexpected(slices.error());
  const auto written = memory::measure_small_file(reads, memory::Cached::written);
  if (!written) return std::unexpected(written.error());
  const auto read_ahead = memory::measure_small_file(reads, memory::Cached::read_ahead);
  if (!read_ahead) return std::unexpected(read_ahead.error());
  auto saved = answer_memory_saved(payload, file_to_tcp, *slices, sharing, reads, settings);
  if (!saved) return std::unexpected(saved.error());
  claims.push_back(std::move(*saved));
  claims.push_back(answer_slices(*slices));
  claims.push_back(answer_mapping(*written, *read_ahead));
  return {};
}

}  // namespace

std::expected<std::vector<Claim>, std::string> answer_claims(const std::string& folder,
                                                             std::uint64_t size,
                                                             const Settings& settings) {
  // First of all: of what comes later nothing is then in its consumers.
  const auto sharing =
      memory::measure_sharing({.size = memory_size(size), .progress = settings.progress});
  if (!sharing) return std::unexpected(sharing.error());
  auto file = make_payload(folder, size, room_for({.source = SourceKind::memory}));
  if (!file) return std::unexpected(file.error());
  const Payload payload{.file = file->file, .size = size, .folder = folder};
  std::vector<Claim> claims;
  if (const auto done = answer_calls(claims, payload); !done) return std::unexpected(done.error());
  if (const auto done = answer_requests(claims, payload, settings); !done) {
    return std::unexpected(done.error());
  }
  const auto file_to_tcp = answer_transfers(claims, payload, settings);
  if (!file_to_tcp) return std::unexpected(file_to_tcp.error());
  if (const auto done = answer_memory(claims, payload, *file_to_tcp, *sharing, settings); !done) {
    return std::unexpected(done.error());
  }
  std::sort(claims.begin(), claims.end(),
            [](const Claim& one, const Claim& other) { return one.number < other.number; });
  return claims;
}

}  // namespace leat::app::bench
