#include <chrono>
#include <system_error>
#include <utility>

#include "os/patient_call.h"
#include "os/settings.h"
#include "probe/kernel_features.h"

namespace leat::app::probe {
namespace {

// Connecting to oneself takes microseconds, unless a firewall swallows the packets.
constexpr std::chrono::milliseconds longest_wait{200};

bool lists_tls(const Result<std::string>& listed) {
  return listed && (" " + *listed + " ").find(" tls ") != std::string::npos;
}

std::optional<Result<void>> ask_tls_patiently() {
  try {
    auto answer = os::call_patiently(
        os::ask_tls,
        {.deadline = std::chrono::steady_clock::now() + longest_wait, .stop = {}, .stop_fd = {}});
    if (answer) return std::move(*answer);
    return std::nullopt;
  } catch (const std::system_error&) {
    return std::nullopt;  // no thread is to be had: what could wait is not asked
  }
}

Finding ask_about_tls(std::optional<bool> filter) {
  const auto listed = os::first_line_of("/proc/sys/net/ipv4/tcp_available_ulp");
  std::optional<Result<void>> answer;
  if (lists_tls(listed)) answer = ask_tls_patiently();
  return judge_tls(listed, answer, filter);
}

void ask_about_rings(Findings& findings, std::optional<bool> filter) {
  const auto answer = os::ask_ring_operations();
  const RingSettings settings{.disabled = os::first_line_of("/proc/sys/kernel/io_uring_disabled"),
                              .own_group = os::own_group(),
                              .filter = filter};
  findings.push_back(judge_ring(answer, settings));
  findings.push_back(judge_ring_operations(answer));
}

}  // namespace

Findings ask_kernel(FileAnswers files) {
  const std::optional<bool> filter = os::has_seccomp_filter();
  Findings findings;
  ask_about_rings(findings, filter);
  findings.push_back(judge_zerocopy_send(os::ask_zerocopy_send(), filter));
  findings.push_back(ask_about_tls(filter));
  findings.push_back(judge_cachestat(os::ask_cachestat(), filter));
  files.nowait.push_back(os::ask_nowait_read());
  findings.push_back(judge_nowait(files, filter));
  findings.push_back(judge_alignment(files));
  findings.push_back(judge_userfaultfd(
      os::ask_userfaultfd(os::Faults::of_user_code), os::ask_userfaultfd(os::Faults::of_kernel_too),
      os::first_line_of("/proc/sys/vm/unprivileged_userfaultfd"), filter));
  findings.push_back(judge_perf_event(
      os::ask_perf_event(os::Sampled::user_code), os::ask_perf_event(os::Sampled::kernel_too),
      os::first_line_of("/proc/sys/kernel/perf_event_paranoid"), filter));
  findings.push_back(judge_bpf(
      os::ask_bpf(), os::first_line_of("/proc/sys/kernel/unprivileged_bpf_disabled"), filter));
  return findings;
}

}  // namespace leat::app::probe
