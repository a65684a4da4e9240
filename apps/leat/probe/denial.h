/// Who may be behind a refused call, as far as that is known.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <leat/error.h>

#include "probe/finding.h"

namespace leat::app::probe {

/// `filter`: whether a seccomp filter is in force; nothing if that is not known.
struct Denial {
  Verdict verdict = Verdict::unknown;
  std::string why;
};

/// EPERM, EACCES and ENOSYS are a no; any other errno says nothing about the feature.
Denial denial_of(std::string_view call, const Error& error, std::optional<bool> filter);

/// "cannot read /sys/… (ENOENT)".
std::string unreadable(const Error& error);

}  // namespace leat::app::probe
