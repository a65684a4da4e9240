/// Where the CPU time of each row goes: runs of their own, sampled by the kernel's clock.
#pragma once

#include <expected>
#include <string>

#include "bench/rounds.h"

namespace leat::app::bench {

/// Runs each row again, sampled, until it has `enough_samples` or was run `most_sampled_runs`
/// times, but no more often than rounds are wanted at most, and fills in the rows' profiles. These
/// runs are in no other figure: the sampler's interrupts are part of their time.
///
/// Where the host denies samples, `series.sampling_denied` says so and the profiles stay empty; the
/// error of a run that fails is one line.
std::expected<void, std::string> sample_rows(const Payload& payload, const Settings& settings,
                                             Series& series);

inline constexpr std::uint64_t enough_samples = 2000;
inline constexpr int most_sampled_runs = 40;

}  // namespace leat::app::bench
