/// What the kernel gives to this process, as its answers tell and never its version.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <leat/error.h>

#include "os/kernel_questions.h"
#include "probe/finding.h"

namespace leat::app::probe {

/// The settings that may deny io_uring. See io_uring_disabled in the kernel's
/// Documentation/admin-guide/sysctl/kernel.rst.
struct RingSettings {
  Result<std::string> disabled;
  std::uint32_t own_group = 0;
  std::optional<bool> filter{};  ///< whether a seccomp filter is in force; nothing if unknown
};

/// Whether there is io_uring or who denies it.
Finding judge_ring(const Result<std::vector<os::RingOperation>>& answer,
                   const RingSettings& settings);
/// Which of its operations there are.
Finding judge_ring_operations(const Result<std::vector<os::RingOperation>>& answer);

Finding judge_zerocopy_send(const Result<void>& answer, std::optional<bool> filter);

/// `listed`: /proc/sys/net/ipv4/tcp_available_ulp. `answer` is nothing if it was not asked: the
/// question would have made the kernel load what is not listed, or it took too long.
Finding judge_tls(const Result<std::string>& listed, const std::optional<Result<void>>& answer,
                  std::optional<bool> filter);

Finding judge_cachestat(const Result<void>& answer, std::optional<bool> filter);

/// What files answered: those of the file systems that are mounted, and for RWF_NOWAIT this
/// program's.
struct FileAnswers {
  std::vector<Result<void>> nowait{};
  bool alignment_told = false;  ///< STATX_DIOALIGN, by one of them
  bool alignment_asked = false;
};
Finding judge_nowait(const FileAnswers& files, std::optional<bool> filter);
Finding judge_alignment(const FileAnswers& files);

/// `setting`: vm.unprivileged_userfaultfd.
Finding judge_userfaultfd(const Result<void>& of_user_code, const Result<void>& of_kernel_too,
                          const Result<std::string>& setting, std::optional<bool> filter);

/// `setting`: kernel.perf_event_paranoid.
Finding judge_perf_event(const Result<void>& user_code, const Result<void>& kernel_too,
                         const Result<std::string>& setting, std::optional<bool> filter);

/// `setting`: kernel.unprivileged_bpf_disabled.
Finding judge_bpf(const Result<void>& answer, const Result<std::string>& setting,
                  std::optional<bool> filter);

/// Asks all of it. `files` is what the file systems have answered.
Findings ask_kernel(FileAnswers files);

}  // namespace leat::app::probe
