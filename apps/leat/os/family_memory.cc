#include "os/family_memory.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "os/error.h"

namespace leat::app::os {
namespace {

std::string path_of(const std::string& process, const char* file) {
  return "/proc/" + process + "/" + file;
}

/// Of a line "Name:   1234 kB".
Result<std::uint64_t> bytes_of(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  if (!file) return last_error("open /proc/PID/smaps_rollup");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(name + ":")) continue;
    std::uint64_t count = 0;
    std::istringstream(line.substr(name.size() + 1)) >> count;
    return count << 10;
  }
  return make_error(EPROTO, "read /proc/PID/smaps_rollup");
}

/// The fourth field of its stat; the second is a name in brackets, in which anything may stand.
std::optional<pid_t> parent_of(const std::string& process) {
  std::ifstream file(path_of(process, "stat"));
  std::string text;
  std::getline(file, text, '\0');
  const std::size_t bracket = text.rfind(')');
  if (bracket == std::string::npos) return std::nullopt;  // gone meanwhile
  std::istringstream rest(text.substr(bracket + 1));
  std::string state;
  pid_t parent = 0;
  rest >> state >> parent;
  return state == "Z" ? std::nullopt : std::optional(parent);
}

Result<std::vector<std::string>> family() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  if (!folder) return last_error("opendir /proc");
  std::vector<std::string> members{"self"};
  const pid_t self = ::getpid();
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    const bool is_process = std::all_of(
        name.begin(), name.end(), [](unsigned char letter) { return std::isdigit(letter) != 0; });
    if (is_process && parent_of(name) == self) members.push_back(name);
  }
  return members;
}

Result<FamilyMemory> memory_of(const std::string& process) {
  const auto pss = bytes_of(path_of(process, "smaps_rollup"), "Pss");
  if (!pss) return std::unexpected(pss.error());
  const auto anonymous = bytes_of(path_of(process, "status"), "RssAnon");
  if (!anonymous) return std::unexpected(anonymous.error());
  return FamilyMemory{*pss, *anonymous};
}

/// A child that was listed may be on its way out: it gives its memory up before it is a zombie, and
/// its files then have no such lines.
bool has_ended(const std::string& process, const Error& error) {
  return error.is(EPROTO) || error.is(ESRCH) || error.is(ENOENT) || !parent_of(process);
}

}  // namespace

Result<FamilyMemory> family_memory() {
  const auto members = family();
  if (!members) return std::unexpected(members.error());
  FamilyMemory sum;
  for (const std::string& process : *members) {
    const auto memory = memory_of(process);
    if (!memory) {
      if (process != "self" && has_ended(process, memory.error())) continue;
      return std::unexpected(memory.error());
    }
    sum.pss_bytes += memory->pss_bytes;
    sum.anonymous_bytes += memory->anonymous_bytes;
  }
  return sum;
}

}  // namespace leat::app::os
