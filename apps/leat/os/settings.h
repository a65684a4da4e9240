/// Settings of the kernel and limits of this process. Nothing is changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <leat/error.h>

namespace leat::app::os {

/// The first line of a small file, as those of /proc/sys and /sys are. Errors: those of open(2) and
/// read(2); `subject` is the path.
Result<std::string> first_line_of(const std::string& path);

/// The names in a folder, sorted; of a large one the first `most` that the kernel mentions.
/// Errors: those of open(2) and getdents(2); `subject` is the path.
Result<std::vector<std::string>> names_in(const std::string& folder, std::size_t most);

/// A limit of this process. See getrlimit(2).
struct ResourceLimit {
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;  ///< up to here this process may raise it
};
enum class LimitOf : std::uint8_t { locked_memory, open_files };
ResourceLimit resource_limit(LimitOf what);

/// Whether a seccomp filter is in force for the calling thread; nothing if that is not to be known.
/// See PR_GET_SECCOMP in prctl(2).
std::optional<bool> has_seccomp_filter();

/// Which of the kernel's checks do not hold for this process: capabilities count outside of user
/// namespaces only. All false where that is not to be known. See capabilities(7).
struct Privileges {
  bool locks_memory = false;     ///< CAP_IPC_LOCK
  bool exceeds_limits = false;   ///< CAP_SYS_RESOURCE
  bool administers = false;      ///< CAP_SYS_ADMIN
  bool samples_kernel = false;   ///< CAP_PERFMON or CAP_SYS_ADMIN
  bool reads_addresses = false;  ///< CAP_SYSLOG
};
Privileges privileges();

/// The effective group of this process. See getegid(2).
std::uint32_t own_group();

}  // namespace leat::app::os
