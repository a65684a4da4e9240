#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include <leat/audit.h>

#include "audit/kernel_symbols.h"
#include "audit/user_copies.h"
#include "os/perf_event.h"

namespace leat {

double CopyProfile::copy_share() const noexcept {
  const auto all = static_cast<double>(samples());
  return all == 0 ? 0 : static_cast<double>(kernel_copying + user_copying) / all;
}

double CopyProfile::copy_share_error() const noexcept {
  const auto n = static_cast<double>(samples());
  if (n == 0) return 1;
  constexpr double z = 1.96;
  const double share = copy_share();
  return z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
}

CopyProfile& CopyProfile::operator+=(const CopyProfile& other) noexcept {
  kernel_copying += other.kernel_copying;
  kernel_other += other.kernel_other;
  user_copying += other.user_copying;
  user_other += other.user_other;
  lost += other.lost;
  return *this;
}

struct CopyRoutines::Found {
  KernelSymbols kernel;
  UserCopies user;
};

Result<CopyRoutines> CopyRoutines::find() {
  auto kernel = KernelSymbols::read();
  if (!kernel) return std::unexpected(kernel.error());
  return CopyRoutines(
      std::make_shared<const Found>(Found{std::move(*kernel), UserCopies::of_this_program()}));
}

struct CopySampler::State {
  os::PerfEvents events;
  std::shared_ptr<const CopyRoutines::Found> routines;
  std::vector<os::PerfSample> samples;  // its capacity is used again
};

CopySampler::CopySampler(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
CopySampler::CopySampler(CopySampler&&) noexcept = default;
CopySampler& CopySampler::operator=(CopySampler&&) noexcept = default;
CopySampler::~CopySampler() = default;

Result<CopySampler> CopySampler::attach(int process, const CopyRoutines& routines,
                                        unsigned samples_per_second) {
  auto events = os::PerfEvents::open(process, samples_per_second);
  if (!events) return std::unexpected(events.error());
  return CopySampler(std::make_unique<State>(State{std::move(*events), routines.found_, {}}));
}

Result<CopySampler> CopySampler::attach(int process, unsigned samples_per_second) {
  const auto routines = CopyRoutines::find();
  if (!routines) return std::unexpected(routines.error());
  return attach(process, *routines, samples_per_second);
}

CopyProfile CopySampler::collect() {
  CopyProfile profile;
  state_->samples.clear();
  const CopyRoutines::Found& routines = *state_->routines;
  profile.lost = state_->events.drain(state_->samples);
  for (const os::PerfSample& sample : state_->samples) {
    if (sample.in_kernel) {
      ++(routines.kernel.is_copying(sample.address) ? profile.kernel_copying
                                                    : profile.kernel_other);
    } else {
      ++(routines.user.is_copying(sample.address) ? profile.user_copying : profile.user_other);
    }
  }
  return profile;
}

}  // namespace leat
