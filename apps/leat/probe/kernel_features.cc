#include "probe/kernel_features.h"

#include <cerrno>
#include <string_view>

#include <fmt/core.h>

#include "probe/denial.h"

namespace leat::app::probe {
namespace {

Finding kernel_finding(std::string name, Verdict verdict, std::string detail,
                       std::string remedy = {}) {
  return {.section = Section::kernel,
          .name = std::move(name),
          .verdict = verdict,
          .detail = std::move(detail),
          .remedy = std::move(remedy),
          .facts = {}};
}

Finding denied(std::string name, std::string_view call, const Error& error,
               std::optional<bool> filter) {
  Denial denial = denial_of(call, error, filter);
  return kernel_finding(std::move(name), denial.verdict, std::move(denial.why));
}

/// One call that is there or not.
Finding judge_call(std::string name, std::string_view call, const Result<void>& answer,
                   std::string good, std::optional<bool> filter) {
  if (answer) return kernel_finding(std::move(name), Verdict::yes, std::move(good));
  return denied(std::move(name), call, answer.error(), filter);
}

std::string list_operations(const std::vector<os::RingOperation>& operations, bool known) {
  std::string list;
  for (const os::RingOperation& operation : operations) {
    if (operation.known != known) continue;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", operation.name);
  }
  return list;
}

/// The sysctl that denies io_uring_setup, if it is one.
std::optional<Finding> ring_denied_by_sysctl(const RingSettings& settings) {
  if (!settings.disabled) return std::nullopt;
  if (*settings.disabled == "2") {
    return kernel_finding("io_uring", Verdict::no,
                          "kernel.io_uring_disabled is 2: denied to everybody (EPERM)",
                          "sysctl -w kernel.io_uring_disabled=0");
  }
  if (*settings.disabled == "1") {
    return kernel_finding("io_uring", Verdict::no,
                          "kernel.io_uring_disabled is 1: only for members of "
                          "kernel.io_uring_group and for CAP_SYS_ADMIN (EPERM)",
                          fmt::format("sysctl -w kernel.io_uring_group={}", settings.own_group));
  }
  return std::nullopt;
}

}  // namespace

Finding judge_ring(const Result<std::vector<os::RingOperation>>& answer,
                   const RingSettings& settings) {
  if (answer) {
    return kernel_finding("io_uring", Verdict::yes, "rings can be set up, asked and entered");
  }
  const Error& error = answer.error();
  if (error.is(EPERM) && error.operation == "io_uring_setup") {
    if (auto finding = ring_denied_by_sysctl(settings)) return std::move(*finding);
  }
  if (error.is(ENOMEM)) {
    return kernel_finding("io_uring", Verdict::limited,
                          "no memory for a ring: RLIMIT_MEMLOCK or memory is used up (ENOMEM)",
                          "ulimit -l unlimited");
  }
  Finding finding = denied("io_uring", error.operation, error, settings.filter);
  if (!settings.disabled && error.is(EPERM)) {
    finding.detail += "; " + unreadable(settings.disabled.error());
  }
  return finding;
}

Finding judge_ring_operations(const Result<std::vector<os::RingOperation>>& answer) {
  constexpr const char* name = "io_uring operations";
  if (!answer) return kernel_finding(name, Verdict::unknown, "io_uring could not be asked");
  const std::string known = list_operations(*answer, true);
  const std::string missing = list_operations(*answer, false);
  if (missing.empty()) return kernel_finding(name, Verdict::yes, known);
  return kernel_finding(
      name, known.empty() ? Verdict::no : Verdict::limited,
      fmt::format("not in this kernel: {}; there: {}", missing, known.empty() ? "none" : known));
}

Finding judge_zerocopy_send(const Result<void>& answer, std::optional<bool> filter) {
  if (!answer && (answer.error().is(ENOPROTOOPT) || answer.error().is(EOPNOTSUPP))) {
    return kernel_finding(
        "MSG_ZEROCOPY", Verdict::no,
        fmt::format("TCP sockets refuse SO_ZEROCOPY ({})", answer.error().name()));
  }
  return judge_call("MSG_ZEROCOPY", "SO_ZEROCOPY", answer,
                    "TCP sockets take lent memory; the route decides if it is copied", filter);
}

Finding judge_tls(const Result<std::string>& listed, const std::optional<Result<void>>& answer,
                  std::optional<bool> filter) {
  constexpr const char* name = "kernel TLS";
  if (!listed) return kernel_finding(name, Verdict::unknown, unreadable(listed.error()));
  const std::string all = listed->empty() ? "none" : *listed;
  if ((" " + *listed + " ").find(" tls ") == std::string::npos) {
    return kernel_finding(name, Verdict::no,
                          fmt::format("not loaded, or not in this kernel (loaded: {})", all),
                          "modprobe tls");
  }
  if (!answer) {
    return kernel_finding(name, Verdict::unknown, "no connection over the loopback in time");
  }
  if (*answer) return kernel_finding(name, Verdict::yes, "connections take TCP_ULP tls");
  if (answer->error().operation != "setsockopt TCP_ULP") {
    return kernel_finding(name, Verdict::unknown,
                          fmt::format("no connection over the loopback: {} answers {}",
                                      answer->error().operation, answer->error().name()));
  }
  return denied(name, "TCP_ULP", answer->error(), filter);
}

Finding judge_cachestat(const Result<void>& answer, std::optional<bool> filter) {
  return judge_call("cachestat", "cachestat", answer,
                    "tells which pages of one's own files are in memory", filter);
}

Finding judge_nowait(const FileAnswers& files, std::optional<bool> filter) {
  const Error* denied_by = nullptr;
  for (const Result<void>& answer : files.nowait) {
    if (answer) {
      return kernel_finding("RWF_NOWAIT", Verdict::yes,
                            "reads come back instead of waiting for a disk");
    }
    if (!denied_by && !answer.error().is(EOPNOTSUPP)) denied_by = &answer.error();
  }
  if (denied_by && denied_by->operation == "preadv2") {
    return denied("RWF_NOWAIT", "preadv2", *denied_by, filter);
  }
  return kernel_finding("RWF_NOWAIT", Verdict::unknown,
                        files.nowait.empty() ? "no file could be asked"
                                             : "no file that was asked takes it (EOPNOTSUPP)");
}

Finding judge_alignment(const FileAnswers& files) {
  if (files.alignment_told) {
    return kernel_finding("STATX_DIOALIGN", Verdict::yes,
                          "statx(2) tells the alignment of direct I/O");
  }
  return kernel_finding("STATX_DIOALIGN", Verdict::unknown,
                        files.alignment_asked
                            ? "no file that was asked tells its alignment of direct I/O"
                            : "no file could be asked");
}

Finding judge_userfaultfd(const Result<void>& of_user_code, const Result<void>& of_kernel_too,
                          const Result<std::string>& setting, std::optional<bool> filter) {
  constexpr const char* name = "userfaultfd";
  if (of_kernel_too)
    return kernel_finding(name, Verdict::yes, "faults of user code and system calls");
  const bool by_setting = setting && *setting == "0" && of_kernel_too.error().is(EPERM);
  const char* const remedy = by_setting ? "sysctl -w vm.unprivileged_userfaultfd=1" : "";
  if (of_user_code) {
    return kernel_finding(name, Verdict::limited,
                          fmt::format("faults of user code only, not those inside system calls{}",
                                      by_setting ? ": vm.unprivileged_userfaultfd is 0" : ""),
                          remedy);
  }
  // Faults of user code are nobody's privilege: the setting is not what denies it.
  return denied(name, "userfaultfd", of_user_code.error(), filter);
}

Finding judge_perf_event(const Result<void>& user_code, const Result<void>& kernel_too,
                         const Result<std::string>& setting, std::optional<bool> filter) {
  constexpr const char* name = "perf_event_open";
  if (kernel_too) return kernel_finding(name, Verdict::yes, "samples user and kernel code");
  const bool strict =
      setting && !setting->empty() && *setting != "0" && *setting != "1" && *setting != "-1";
  const std::string because =
      strict ? fmt::format(": kernel.perf_event_paranoid is {}", *setting) : "";
  const char* const remedy = strict ? "sysctl -w kernel.perf_event_paranoid=1" : "";
  if (user_code) {
    return kernel_finding(
        name, Verdict::limited,
        "samples user code only, so copies inside the kernel stay unseen" + because, remedy);
  }
  const Error& error = user_code.error();
  // Up to 2 the setting leaves a process its own user code: beyond is Debian's.
  const bool by_setting = strict && *setting != "2" && (error.is(EACCES) || error.is(EPERM)) &&
                          filter.has_value() && !*filter;
  if (by_setting) {
    return kernel_finding(name, Verdict::no, fmt::format("denied ({}){}", error.name(), because),
                          remedy);
  }
  return denied(name, name, error, filter);
}

Finding judge_bpf(const Result<void>& answer, const Result<std::string>& setting,
                  std::optional<bool> filter) {
  if (answer) return kernel_finding("bpf", Verdict::yes, "maps can be made");
  Finding finding = denied("bpf", "bpf", answer.error(), filter);
  if (!answer.error().is(EPERM)) return finding;
  if (!setting) {
    finding.detail += "; " + unreadable(setting.error());
  } else if (*setting != "0") {
    finding.detail =
        fmt::format("denied without CAP_BPF: kernel.unprivileged_bpf_disabled is {} (EPERM){}",
                    *setting, filter && !*filter ? "" : "; a seccomp filter may deny it too");
    finding.remedy = "setcap cap_bpf,cap_perfmon=ep $(command -v leat)";
  }
  return finding;
}

}  // namespace leat::app::probe
