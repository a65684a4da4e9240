#include "os/settings.h"

#include <dirent.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <sstream>
#include <string_view>
#include <utility>

#include "os/error.h"
#include "os/single_calls.h"

namespace leat::app::os {
namespace {

std::unexpected<Error> failed_at(std::string_view operation, const std::string& path) {
  Error error = last_error(operation).error();
  error.subject = path;
  return std::unexpected(std::move(error));
}

/// True if this process is in no user namespace that gives its capabilities a smaller meaning.
bool is_in_first_user_namespace() {
  const Result<std::string> map = first_line_of("/proc/self/uid_map");
  if (!map) return false;
  std::istringstream fields(*map);
  std::uint64_t inside = 1;
  std::uint64_t outside = 1;
  std::uint64_t count = 0;
  fields >> inside >> outside >> count;
  return inside == 0 && outside == 0 && count == std::numeric_limits<std::uint32_t>::max();
}

std::uint64_t effective_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) < 0) return 0;
  return static_cast<std::uint64_t>(sets[1].effective) << 32 | sets[0].effective;
}

}  // namespace

Result<std::string> first_line_of(const std::string& path) {
  const Result<OwnedFd> file = open_to_read(path);
  if (!file) return std::unexpected(file.error());
  std::array<char, 4096> room;
  const ssize_t count =
      retry_interrupted([&] { return ::read(file->number(), room.data(), room.size()); });
  if (count < 0) return failed_at("read", path);
  const std::string_view text(room.data(), static_cast<std::size_t>(count));
  return std::string(text.substr(0, text.find('\n')));
}

Result<std::vector<std::string>> names_in(const std::string& folder, std::size_t most) {
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir(folder.c_str()), ::closedir);
  if (!list) return failed_at("open", folder);
  std::vector<std::string> names;
  while (names.size() < most) {
    errno = 0;
    const dirent* const entry = ::readdir(list.get());
    if (!entry && errno != 0) return failed_at("getdents", folder);
    if (!entry) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

ResourceLimit resource_limit(LimitOf what) {
  rlimit raw{};
  ::getrlimit(what == LimitOf::locked_memory ? RLIMIT_MEMLOCK : RLIMIT_NOFILE, &raw);
  const auto plain = [](rlim_t value) {
    return value == RLIM_INFINITY ? ResourceLimit::unlimited : std::uint64_t{value};
  };
  return {.soft = plain(raw.rlim_cur), .hard = plain(raw.rlim_max)};
}

std::optional<bool> has_seccomp_filter() {
  const int mode = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
  if (mode >= 0) return mode == 2;
  if (errno == EINVAL) return false;  // the kernel was built without
  return std::nullopt;
}

Privileges privileges() {
  if (!is_in_first_user_namespace()) return {};
  const std::uint64_t effective = effective_capabilities();
  const auto has = [&](int capability) { return (effective >> capability & 1) != 0; };
  const bool administers = has(CAP_SYS_ADMIN);
  return {.locks_memory = has(CAP_IPC_LOCK),
          .exceeds_limits = has(CAP_SYS_RESOURCE),
          .administers = administers,
          .samples_kernel = has(CAP_PERFMON) || administers,
          .reads_addresses = has(CAP_SYSLOG)};
}

std::uint32_t own_group() { return ::getegid(); }

}  // namespace leat::app::os
