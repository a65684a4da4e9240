#include <algorithm>

#include "mechanism/mechanism.h"

namespace leat {
namespace mechanisms {
#define LEAT_MECHANISM(name) extern const MechanismEntry name;
#include "mechanism/mechanisms.def"
#undef LEAT_MECHANISM
}  // namespace mechanisms

namespace {

constexpr const MechanismEntry* entries[] = {
#define LEAT_MECHANISM(name) &mechanisms::name,
#include "mechanism/mechanisms.def"
#undef LEAT_MECHANISM
};

}  // namespace

std::span<const MechanismEntry* const> registry() noexcept { return entries; }

std::size_t Mechanism::count() noexcept { return registry().size(); }

Mechanism Mechanism::at(std::size_t index) noexcept { return MechanismAccess::at(index); }

std::optional<Mechanism> Mechanism::named(std::string_view name) noexcept {
  const auto all = registry();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [name](const auto* entry) { return entry->name == name; });
  if (found == all.end()) return std::nullopt;
  return at(static_cast<std::size_t>(found - all.begin()));
}

std::string_view Mechanism::name() const noexcept {
  return *this ? MechanismAccess::entry(*this).name : std::string_view();
}

std::string_view Mechanism::summary() const noexcept {
  return *this ? MechanismAccess::entry(*this).summary : std::string_view();
}

std::string_view Mechanism::unavailable() const noexcept {
  return *this ? MechanismAccess::entry(*this).unavailable() : std::string_view();
}

}  // namespace leat
