#include "bench/sampling.h"

#include <malloc.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <leat/audit.h>

#include "bench/payload.h"

namespace leat::app::bench {
namespace {

/// More would be had sooner, but each sample is an interrupt of some microseconds.
constexpr double samples_per_second = 8000;
/// The kernel keeps some 16,000 for each processor until they are collected, which is once a run.
constexpr double most_samples_per_run = 10'000;

std::vector<double> cpu_times(const Row& row) {
  std::vector<double> times;
  times.reserve(row.samples.size());
  for (const Sample& sample : row.samples) times.push_back(cpu_of(sample));
  return times;
}

unsigned rate_for(const Series& series, const Row& row) {
  const auto transfers = static_cast<double>(std::max(series.requests, series.repeats));
  const double cpu_s = median(cpu_times(row)) * transfers;
  const double rate = cpu_s > 0 ? most_samples_per_run / cpu_s : samples_per_second;
  return static_cast<unsigned>(std::clamp(rate, 100.0, samples_per_second));
}

/// What attaching said, if it was no: the same for every row.
struct Attached {
  std::optional<CopySampler> sampler;
  std::optional<Error> denied;
};

/// The C library keeps what reading the symbols took; runs to come would inherit it and count it as
/// their own anonymous memory.
struct GiveMemoryBack {
  GiveMemoryBack() = default;
  GiveMemoryBack(const GiveMemoryBack&) = delete;
  GiveMemoryBack& operator=(const GiveMemoryBack&) = delete;
  ~GiveMemoryBack() { ::malloc_trim(0); }
};

/// Runs one row once more and adds what was sampled. False: the mechanism refused this time.
std::expected<bool, std::string> sample_run(const Payload& payload, Series& series, Row& row,
                                            const CopyRoutines& routines) {
  Attached attached;
  const auto attach = [&](int process) {
    // Also of a run that is repeated, for it was not as warm or cold as it must be: then the
    // samples of the first one are dropped.
    auto sampler = CopySampler::attach(process, routines, rate_for(series, row));
    if (sampler) {
      attached.sampler.emplace(std::move(*sampler));
    } else {
      attached.denied = sampler.error();
    }
  };
  const auto sample = measure_checked(payload, series.pair, row.way, attach);
  if (attached.denied) {
    series.sampling_denied = attached.denied->message();
    return true;
  }
  if (!sample) {
    if (sample.error().refused) return false;
    return std::unexpected(
        fmt::format("{}, {}: {}", describe(series.pair), row.label(), sample.error().message));
  }
  if (attached.sampler) row.profile += attached.sampler->collect();
  return true;
}

}  // namespace

std::expected<void, std::string> sample_rows(const Payload& payload, const Settings& settings,
                                             Series& series) {
  const GiveMemoryBack after_all_else;
  const auto routines = CopyRoutines::find();
  if (!routines) {
    series.sampling_denied = routines.error().message();
    return {};
  }
  std::vector<Row*> wanted;
  wanted.reserve(series.rows.size());
  for (Row& row : series.rows) wanted.push_back(&row);
  // In turn, like the timed rounds: what changes on the machine meanwhile then meets all rows.
  const int most_runs = std::min(most_sampled_runs, settings.max_rounds);
  for (int run = 1; run <= most_runs && !wanted.empty(); ++run) {
    std::vector<Row*> more;
    for (Row* row : wanted) {
      if (settings.progress) {
        settings.progress(
            fmt::format("{}: sampled run {}, {}", describe(series.pair), run, row->label()));
      }
      const auto ran = sample_run(payload, series, *row, *routines);
      if (!ran) return std::unexpected(ran.error());
      if (!series.sampling_denied.empty()) return {};
      if (*ran && row->profile.samples() < enough_samples) more.push_back(row);
    }
    wanted = std::move(more);
  }
  return {};
}

}  // namespace leat::app::bench
