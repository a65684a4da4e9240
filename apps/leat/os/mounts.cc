#include "os/mounts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "os/error.h"

namespace leat::app::os {
namespace {

constexpr const char* table = "/proc/self/mountinfo";

constexpr std::array<std::string_view, 20> kinds_that_wait{
    "autofs", "nfs",      "nfs4",     "cifs",    "smb3",   "ceph",       "afs",
    "9p",     "virtiofs", "fuse",     "fuseblk", "lustre", "beegfs",     "gpfs",
    "gfs2",   "ocfs2",    "orangefs", "coda",    "vboxsf", "overlayfuse"};

/// Blanks and backslashes are written as three octal digits there.
std::string unescape(const std::string& text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 3 >= text.size() || !is_octal(text[i + 1])) {
      plain += text[i];
      continue;
    }
    plain +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
    i += 3;
  }
  return plain;
}

bool says_read_only(std::string_view options) {
  return options == "ro" || options.starts_with("ro,");
}

std::optional<Mount> parse_mount(const std::string& line) {
  std::istringstream fields(line);
  std::string ignored;
  std::string folder;
  std::string options;
  Mount mount;
  fields >> mount.id >> ignored >> mount.device >> ignored >> folder >> options;
  std::string field;
  while (fields >> field && field != "-") {
  }
  if (!(fields >> mount.kind)) return std::nullopt;
  std::string source;
  std::string of_all_mounts;
  fields >> source >> of_all_mounts;
  mount.folder = unescape(folder);
  mount.source = unescape(source);
  mount.read_only = says_read_only(options) || says_read_only(of_all_mounts);
  return mount;
}

}  // namespace

Result<std::vector<Mount>> mounts() {
  errno = 0;
  std::ifstream file(table);
  if (!file) {
    Error error = make_error(errno != 0 ? errno : EIO, "open").error();
    error.subject = table;
    return std::unexpected(std::move(error));
  }
  std::vector<Mount> all;
  std::string line;
  while (std::getline(file, line)) {
    if (std::optional<Mount> mount = parse_mount(line)) all.push_back(std::move(*mount));
  }
  return all;
}

bool may_wait(std::string_view kind) {
  return kind.starts_with("fuse.") ||
         std::find(kinds_that_wait.begin(), kinds_that_wait.end(), kind) != kinds_that_wait.end();
}

std::vector<Mount> mounted_kinds() {
  std::vector<Mount> kinds;
  Result<std::vector<Mount>> all = mounts();
  if (!all) return kinds;
  for (Mount& mount : *all) {
    if (may_wait(mount.kind)) continue;
    const auto known = std::find_if(kinds.begin(), kinds.end(),
                                    [&](const Mount& other) { return other.kind == mount.kind; });
    if (known == kinds.end()) {
      kinds.push_back(std::move(mount));
    } else if (known->read_only && !mount.read_only) {
      *known = std::move(mount);
    }
  }
  return kinds;
}

}  // namespace leat::app::os
