#include "probe/denial.h"

#include <cerrno>

#include <fmt/core.h>

namespace leat::app::probe {

Denial denial_of(std::string_view call, const Error& error, std::optional<bool> filter) {
  if (error.is(ENOSYS)) {
    const bool certain = filter.has_value() && !*filter;
    return {Verdict::no, certain ? fmt::format("this kernel has no {} (ENOSYS)", call)
                                 : fmt::format("this kernel has no {}, or a seccomp filter hides "
                                               "it (ENOSYS)",
                                               call)};
  }
  if (error.is(EPERM) || error.is(EACCES)) {
    const bool certain = filter.has_value() && !*filter;
    return {Verdict::no,
            fmt::format("{} is denied by {} ({})", call,
                        certain ? "a missing privilege or a security module"
                                : "a seccomp filter, a missing privilege or a security module",
                        error.name())};
  }
  return {Verdict::unknown, fmt::format("{} answers {}", call, error.name())};
}

std::string unreadable(const Error& error) {
  return fmt::format("cannot read {} ({})", error.subject, error.name());
}

}  // namespace leat::app::probe
