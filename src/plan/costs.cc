#include <algorithm>
#include <cmath>
#include <tuple>

#include <leat/costs.h>

#include "mechanism/mechanism.h"
#include "os/host.h"

namespace leat {
namespace {

bool is_measured(double nanoseconds) { return std::isfinite(nanoseconds) && nanoseconds > 0; }

std::size_t number_of(Mechanism mechanism) { return MechanismAccess::index(mechanism); }

auto key_of(const CostFigure& figure) {
  return std::tuple(figure.source, figure.sink, number_of(figure.mechanism), figure.bytes);
}

std::size_t place_of(CostSource source, CostSink sink, Mechanism mechanism) {
  constexpr std::size_t sinks = 1 + static_cast<std::size_t>(CostSink::file);
  const std::size_t pair =
      static_cast<std::size_t>(source) * sinks + static_cast<std::size_t>(sink);
  return pair * Mechanism::count() + number_of(mechanism);
}

std::size_t number_of_places() {
  return 1 + place_of(CostSource::socket, CostSink::file, Mechanism::at(Mechanism::count() - 1));
}

double between(double low, double high, double share) { return low + (high - low) * share; }

Costs::Estimate between(const CostFigure& low, const CostFigure& high, std::uint64_t bytes) {
  const double share = (static_cast<double>(bytes) - static_cast<double>(low.bytes)) /
                       static_cast<double>(high.bytes - low.bytes);
  // Noise may make more bytes cost less; beyond the last figure they would cost nothing.
  return {std::max(between(low.wall_ns, high.wall_ns, share), std::min(low.wall_ns, high.wall_ns)),
          std::max(between(low.cpu_ns, high.cpu_ns, share), std::min(low.cpu_ns, high.cpu_ns))};
}

}  // namespace

std::string_view name_of(CostSource source) noexcept {
  switch (source) {
    case CostSource::file: return "file";
    case CostSource::cold_file: return "cold_file";
    case CostSource::memory: return "memory";
    case CostSource::pipe: return "pipe";
    case CostSource::socket: return "socket";
  }
  return "";
}

std::string_view name_of(CostSink sink) noexcept {
  switch (sink) {
    case CostSink::tcp: return "tcp";
    case CostSink::unix_socket: return "unix";
    case CostSink::pipe: return "pipe";
    case CostSink::file: return "file";
  }
  return "";
}

void Costs::add(const CostFigure& figure) {
  if (!figure.mechanism || !is_measured(figure.wall_ns) || !is_measured(figure.cpu_ns)) return;
  const auto place =
      std::lower_bound(figures_.begin(), figures_.end(), figure,
                       [](const auto& a, const auto& b) { return key_of(a) < key_of(b); });
  if (place != figures_.end() && key_of(*place) == key_of(figure)) {
    *place = figure;
    return;
  }
  const auto index = static_cast<std::uint32_t>(place - figures_.begin());
  figures_.insert(place, figure);
  if (stretches_.empty()) stretches_.resize(number_of_places());
  Stretch& own = stretches_[place_of(figure.source, figure.sink, figure.mechanism)];
  // What comes after it has moved by one; nothing does while a file is read, which is in order.
  if (index + 1 < figures_.size()) {
    for (Stretch& each : stretches_)
      if (&each != &own && each.first >= index) ++each.first;
  }
  if (own.count++ == 0) own.first = index;
}

std::optional<Costs::Estimate> Costs::estimate(CostSource source, CostSink sink,
                                               Mechanism mechanism,
                                               std::uint64_t bytes) const noexcept {
  if (!mechanism || stretches_.empty()) return std::nullopt;
  const Stretch& stretch = stretches_[place_of(source, sink, mechanism)];
  const auto known = figures().subspan(stretch.first, stretch.count);
  if (known.empty()) return std::nullopt;
  const CostFigure& least = known.front();
  if (bytes <= least.bytes || known.size() == 1) return Estimate{least.wall_ns, least.cpu_ns};
  const auto above = std::find_if(known.begin() + 1, known.end() - 1,
                                  [bytes](const auto& each) { return each.bytes >= bytes; });
  return between(*(above - 1), *above, bytes);
}

const Costs& Costs::shipped() {
  static const Costs costs = [] {
    Costs made;
    [[maybe_unused]] const auto take = [&made](CostSource source, CostSink sink,
                                               std::string_view mechanism, std::uint64_t bytes,
                                               double wall_ns, double cpu_ns) {
      if (const auto named = Mechanism::named(mechanism))
        made.add({source, sink, *named, bytes, wall_ns, cpu_ns});
    };
#define LEAT_COST(source, sink, mechanism, bytes, wall_ns, cpu_ns) \
  take(CostSource::source, CostSink::sink, #mechanism, bytes, wall_ns, cpu_ns);
#include "plan/shipped_costs.def"
#undef LEAT_COST
    return made;
  }();
  return costs;
}

std::string kernel_release() { return os::kernel_release(); }
std::string processor_name() { return os::processor_name(); }

}  // namespace leat
