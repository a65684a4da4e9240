#include "probe/limits.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/core.h>

#include "probe/denial.h"
#include "sizes.h"

namespace leat::app::probe {
namespace {

// As much as a Context lends at once, unless it is told otherwise.
constexpr std::uint64_t enough_locked_bytes = 64ull << 20;
// A splice passes one pipe with two descriptors, its source and its sink.
constexpr std::uint64_t enough_files = 4096;
// What Linux has by default since 6.7; before it was 20 KiB on most machines.
constexpr std::int64_t enough_optmem_bytes = 128 << 10;
// The pipe that splice asks for.
constexpr std::int64_t enough_pipe_bytes = 1 << 20;
// The kernel's default: 64 pipes of 1 MiB.
constexpr std::int64_t enough_pipe_pages = 16384;

Finding limit_finding(std::string name, Verdict verdict, std::string detail,
                      std::string remedy = {}) {
  return {.section = Section::limits,
          .name = std::move(name),
          .verdict = verdict,
          .detail = std::move(detail),
          .remedy = std::move(remedy),
          .facts = {}};
}

Finding not_known(std::string name, const Result<std::string>& setting) {
  return limit_finding(
      std::move(name), Verdict::unknown,
      setting ? fmt::format("'{}' is no number", *setting) : unreadable(setting.error()));
}

std::optional<std::int64_t> number_in(const Result<std::string>& setting) {
  if (!setting) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = setting->data() + setting->size();
  const auto [stopped, error] = std::from_chars(setting->data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::string size_text(std::int64_t bytes) {
  return bytes < 0 ? std::to_string(bytes) : format_size(static_cast<std::uint64_t>(bytes));
}

std::string set(std::string_view name, std::int64_t value) {
  return fmt::format("sysctl -w {}={}", name, value);
}

/// To raise the hard limit takes privileges, the soft one does not.
std::string beyond_hard(const os::ResourceLimit& limit, std::uint64_t wanted) {
  return limit.hard < wanted ? " (as root: the hard limit is lower, too)" : "";
}

}  // namespace

Finding judge_locked_memory(const os::ResourceLimit& limit, bool exempt) {
  constexpr const char* name = "RLIMIT_MEMLOCK";
  if (limit.soft == os::ResourceLimit::unlimited) {
    return limit_finding(name, Verdict::yes, "unlimited");
  }
  const std::string size = format_size(limit.soft);
  if (exempt) return limit_finding(name, Verdict::yes, size + ", and CAP_IPC_LOCK is exempt");
  if (limit.soft >= enough_locked_bytes) return limit_finding(name, Verdict::yes, size);
  return limit_finding(
      name, Verdict::limited,
      fmt::format("{} is low: zero-copy sends lend up to {} at once and are "
                  "refused (ENOBUFS) beyond the limit{}",
                  size, format_size(enough_locked_bytes), beyond_hard(limit, enough_locked_bytes)),
      fmt::format("ulimit -l {}", enough_locked_bytes >> 10));
}

Finding judge_open_files(const os::ResourceLimit& limit) {
  constexpr const char* name = "RLIMIT_NOFILE";
  if (limit.soft == os::ResourceLimit::unlimited) {
    return limit_finding(name, Verdict::yes, "unlimited");
  }
  if (limit.soft >= enough_files) {
    return limit_finding(name, Verdict::yes, fmt::format("{}", limit.soft));
  }
  return limit_finding(
      name, Verdict::limited,
      fmt::format("{} is low for a server: each spliced transfer takes two for its "
                  "pipe besides its ends{}",
                  limit.soft, beyond_hard(limit, enough_files)),
      fmt::format("ulimit -n {}", enough_files));
}

Finding judge_optmem(const Result<std::string>& setting) {
  constexpr const char* name = "net.core.optmem_max";
  const auto bytes = number_in(setting);
  if (!bytes) return not_known(name, setting);
  if (*bytes >= enough_optmem_bytes) return limit_finding(name, Verdict::yes, size_text(*bytes));
  return limit_finding(name, Verdict::limited,
                       size_text(*bytes) +
                           " is low: few MSG_ZEROCOPY sends of a socket can be "
                           "under way, then ENOBUFS",
                       set(name, enough_optmem_bytes));
}

Finding judge_pipe_size(const Result<std::string>& setting, bool exempt) {
  constexpr const char* name = "fs.pipe-max-size";
  const auto bytes = number_in(setting);
  if (!bytes) return not_known(name, setting);
  if (*bytes >= enough_pipe_bytes) return limit_finding(name, Verdict::yes, size_text(*bytes));
  if (exempt) {
    return limit_finding(name, Verdict::yes, size_text(*bytes) + ", which does not bind this user");
  }
  return limit_finding(name, Verdict::limited,
                       size_text(*bytes) +
                           " is low: splice needs more calls, as its pipes are "
                           "smaller than 1 MiB",
                       set(name, enough_pipe_bytes));
}

Finding judge_pipe_pages(const Result<std::string>& setting, bool exempt) {
  constexpr const char* name = "fs.pipe-user-pages-soft";
  const auto pages = number_in(setting);
  if (!pages) return not_known(name, setting);
  if (*pages == 0) return limit_finding(name, Verdict::yes, "0: no limit");
  const std::string text = fmt::format("{} pages for all pipes of a user", *pages);
  if (exempt) return limit_finding(name, Verdict::yes, text + ", not counted for this one");
  if (*pages >= enough_pipe_pages) return limit_finding(name, Verdict::yes, text);
  return limit_finding(
      name, Verdict::limited,
      text + " are few: beyond them new pipes are tiny and splice needs more calls",
      set(name, enough_pipe_pages));
}

Finding judge_paranoia(const Result<std::string>& setting, bool exempt) {
  constexpr const char* name = "kernel.perf_event_paranoid";
  const auto level = number_in(setting);
  if (!level) return not_known(name, setting);
  if (*level <= 1) {
    return limit_finding(name, Verdict::yes, fmt::format("{}: kernel code can be sampled", *level));
  }
  if (exempt) {
    return limit_finding(name, Verdict::yes,
                         fmt::format("{}, which does not bind this user", *level));
  }
  return limit_finding(
      name, *level == 2 ? Verdict::limited : Verdict::no,
      fmt::format("{}: {}", *level,
                  *level == 2 ? "user code only: copies inside the kernel are not sampled"
                              : "no sampling where the kernel knows this level (Debian's)"),
      set(name, 1));
}

Finding judge_hidden_addresses(const Result<std::string>& setting, bool exempt) {
  constexpr const char* name = "kernel.kptr_restrict";
  const auto level = number_in(setting);
  if (!level) return not_known(name, setting);
  if (*level <= 0) {
    return limit_finding(name, Verdict::yes,
                         "0: /proc/kallsyms has addresses for who may sample the kernel");
  }
  if (*level == 1 && exempt) {
    return limit_finding(name, Verdict::yes, "1, and CAP_SYSLOG is exempt");
  }
  return limit_finding(
      name, Verdict::limited,
      fmt::format("{}: addresses of the kernel's copy routines are hidden{}, so samples cannot be "
                  "sorted by them",
                  *level, *level == 1 ? " without CAP_SYSLOG" : ""),
      set(name, 0));
}

Findings ask_limits() {
  const os::Privileges may = os::privileges();
  const auto sysctl = [](const char* path) { return os::first_line_of(path); };
  return {judge_locked_memory(os::resource_limit(os::LimitOf::locked_memory), may.locks_memory),
          judge_open_files(os::resource_limit(os::LimitOf::open_files)),
          judge_optmem(sysctl("/proc/sys/net/core/optmem_max")),
          judge_pipe_size(sysctl("/proc/sys/fs/pipe-max-size"), may.exceeds_limits),
          judge_pipe_pages(sysctl("/proc/sys/fs/pipe-user-pages-soft"),
                           may.exceeds_limits || may.administers),
          judge_paranoia(sysctl("/proc/sys/kernel/perf_event_paranoid"), may.samples_kernel),
          judge_hidden_addresses(sysctl("/proc/sys/kernel/kptr_restrict"), may.reads_addresses)};
}

}  // namespace leat::app::probe
