#include "probe/file_systems.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "sizes.h"

namespace leat::app::probe {
namespace {

// They hold no files of anybody's, or none that can be asked.
constexpr std::array<std::string_view, 25> kinds_without_files{
    "autofs",     "binder",    "binfmt_misc", "bpf",      "cgroup",  "cgroup2",   "configfs",
    "debugfs",    "devpts",    "devtmpfs",    "efivarfs", "fusectl", "hugetlbfs", "mqueue",
    "nfsd",       "nsfs",      "pipefs",      "proc",     "pstore",  "resctrl",   "rpc_pipefs",
    "securityfs", "selinuxfs", "sysfs",       "tracefs"};

bool holds_files(const os::Mount& mount) {
  const auto is_below = [&](std::string_view folder) { return mount.folder.starts_with(folder); };
  return std::find(kinds_without_files.begin(), kinds_without_files.end(), mount.kind) ==
             kinds_without_files.end() &&
         !is_below("/proc/") && !is_below("/sys/");
}

bool contains(const std::string& folder, const std::string& path) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// The mount that `path` is on, by its name: of several at one place the last is on top.
const os::Mount* mount_of(const std::vector<os::Mount>& mounts, const std::string& path) {
  const os::Mount* deepest = nullptr;
  for (const os::Mount& mount : mounts) {
    if (!contains(mount.folder, path)) continue;
    if (!deepest || mount.folder.size() >= deepest->folder.size()) deepest = &mount;
  }
  return deepest;
}

/// Of a mount that lies beneath another the folder's name leads to the upper one.
bool is_on_top(const std::vector<os::Mount>& mounts, const os::Mount& mount) {
  return mount_of(mounts, mount.folder) == &mount;
}

void add_mount(std::vector<FileSystem>& all, const os::Mount& mount) {
  const auto known = std::find_if(all.begin(), all.end(), [&](const FileSystem& other) {
    return other.mount.device == mount.device;
  });
  if (known == all.end()) {
    all.push_back({.mount = mount, .folders = {mount.folder}});
  } else if (known->mount.read_only && !mount.read_only) {
    known->mount = mount;
    known->folders.insert(known->folders.begin(), mount.folder);
  } else if (known->mount.read_only == mount.read_only) {
    known->folders.push_back(mount.folder);
  }
}

struct Judged {
  Fact fact;
  std::string words;
  Verdict verdict = Verdict::unknown;
};

Judged judge_reflink(const std::optional<Result<void>>& answer) {
  const auto judged = [](Verdict verdict, std::string words) {
    return Judged{{"reflink", std::string(name_of(verdict))}, std::move(words), verdict};
  };
  if (!answer) return judged(Verdict::unknown, "reflink not probed");
  if (*answer) return judged(Verdict::yes, "reflink");
  const Error& error = answer->error();
  const bool refused = error.is(EOPNOTSUPP) || error.is(ENOTTY) || error.is(ENOSYS) ||
                       error.is(EINVAL) || error.is(EPERM);
  if (error.is(EOPNOTSUPP)) return judged(Verdict::no, "no reflink");
  if (refused) return judged(Verdict::no, fmt::format("no reflink ({})", error.name()));
  return judged(Verdict::unknown, fmt::format("reflink not known ({})", error.name()));
}

std::string alignment_text(const os::DirectAlignment& alignment) {
  std::string text = fmt::format("direct I/O aligned to {} B", alignment.offset_bytes);
  if (alignment.memory_bytes == alignment.offset_bytes) return text;
  return text + fmt::format(" ({} B in memory)", alignment.memory_bytes);
}

Judged judge_direct(const std::optional<Result<os::DirectAlignment>>& answer) {
  if (!answer || !*answer || !(*answer)->told) {
    const std::string why = answer && !*answer ? fmt::format(" ({})", answer->error().name()) : "";
    return {{"direct_io", "unknown"},
            (answer ? "direct I/O: the kernel does not say" : "direct I/O not probed") + why,
            Verdict::unknown};
  }
  const os::DirectAlignment& alignment = **answer;
  if (alignment.memory_bytes == 0 || alignment.offset_bytes == 0) {
    return {{"direct_io", "no"}, "no direct I/O", Verdict::no};
  }
  return {{"direct_io", "yes"}, alignment_text(alignment), Verdict::yes};
}

Judged judge_holes(const std::optional<Result<bool>>& answer) {
  if (!answer) return {{"holes", "unknown"}, "holes not probed", Verdict::unknown};
  if (!*answer) {
    return {{"holes", "unknown"},
            fmt::format("holes not known ({})", answer->error().name()),
            Verdict::unknown};
  }
  if (**answer) return {{"holes", "yes"}, "holes seen", Verdict::yes};
  return {{"holes", "no"}, "holes not seen", Verdict::no};
}

Judged judge_waiting(const std::optional<Result<void>>& answer) {
  if (!answer) return {{"nowait", "unknown"}, "RWF_NOWAIT not probed", Verdict::unknown};
  if (*answer) return {{"nowait", "yes"}, "RWF_NOWAIT", Verdict::yes};
  if (answer->error().is(EOPNOTSUPP)) {
    return {{"nowait", "no"}, "no RWF_NOWAIT", Verdict::no};
  }
  return {{"nowait", "unknown"},
          fmt::format("RWF_NOWAIT not known ({})", answer->error().name()),
          Verdict::unknown};
}

Verdict verdict_of_all(const std::array<Judged, 4>& all) {
  const auto count = [&](Verdict verdict) {
    return std::count_if(all.begin(), all.end(),
                         [&](const Judged& one) { return one.verdict == verdict; });
  };
  if (count(Verdict::unknown) == static_cast<std::ptrdiff_t>(all.size())) return Verdict::unknown;
  if (count(Verdict::no) > 0) return Verdict::limited;
  return count(Verdict::unknown) > 0 ? Verdict::limited : Verdict::yes;
}

std::string why_no_file(const os::Mount& mount, const std::optional<Error>& no_file) {
  if (!no_file) return {};
  if (no_file->is(ESTALE)) return "; beneath another mount: not probed";
  if (mount.read_only) return "; read-only: not probed by writing";
  if (no_file->is(EACCES) || no_file->is(EPERM) || no_file->is(EROFS)) {
    return fmt::format("; not writable here ({}): not probed by writing", no_file->name());
  }
  return fmt::format("; no file to probe with: {} answers {}", no_file->operation, no_file->name());
}

Finding finding_of(const os::Mount& mount, Verdict verdict, std::string_view what) {
  return {.section = Section::file_systems,
          .name = mount.folder,
          .verdict = verdict,
          .detail = fmt::format("{}{}: {}", mount.kind,
                                mount.source.starts_with('/') ? " on " + mount.source : "", what),
          .remedy = {},
          .facts = {{"type", mount.kind}, {"read_only", mount.read_only ? "yes" : "no"}}};
}

}  // namespace

std::vector<FileSystem> file_systems_of(const std::vector<os::Mount>& mounts,
                                        const std::vector<std::string>& more_folders) {
  std::vector<FileSystem> all;
  for (const os::Mount& mount : mounts) {
    if (holds_files(mount) && is_on_top(mounts, mount)) add_mount(all, mount);
  }
  for (const std::string& folder : more_folders) {
    const os::Mount* const mount = mount_of(mounts, folder);
    const auto owner = std::find_if(all.begin(), all.end(), [&](const FileSystem& other) {
      return mount && !mount->read_only && other.mount.device == mount->device;
    });
    if (owner != all.end()) owner->folders.push_back(folder);
  }
  std::stable_sort(all.begin(), all.end(), [](const FileSystem& left, const FileSystem& right) {
    return !left.mount.read_only && right.mount.read_only;
  });
  return all;
}

Finding judge_file_system(const os::Mount& mount, const Result<os::FileSystemAnswers>& answers) {
  if (!answers) {
    const Error& error = answers.error();
    return finding_of(mount, Verdict::unknown,
                      error.is(ETIMEDOUT)
                          ? "did not answer in time"
                          : fmt::format("not asked: {} answers {}", error.operation, error.name()));
  }
  const std::array<Judged, 4> all{judge_reflink(answers->reflink), judge_direct(answers->direct),
                                  judge_holes(answers->holes), judge_waiting(answers->nowait)};
  std::string words;
  for (const Judged& one : all) {
    // Why most of it was not probed is said once.
    if (answers->no_file && one.words.ends_with("not probed")) continue;
    words += fmt::format("{}{}", words.empty() ? "" : ", ", one.words);
  }
  words += why_no_file(mount, answers->no_file);
  if (words.starts_with("; ")) words.erase(0, 2);
  Finding finding = finding_of(mount, verdict_of_all(all), words);
  for (const Judged& one : all) finding.facts.push_back(one.fact);
  if (all[1].verdict == Verdict::yes) {
    finding.facts.push_back({"direct_io_offset", std::to_string((**answers->direct).offset_bytes)});
    finding.facts.push_back({"direct_io_memory", std::to_string((**answers->direct).memory_bytes)});
  }
  return finding;
}

Finding not_asked(const os::Mount& mount) {
  return finding_of(mount, Verdict::unknown, "not asked: may hang");
}

}  // namespace leat::app::probe
