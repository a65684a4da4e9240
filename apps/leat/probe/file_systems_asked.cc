#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "os/file_system_child.h"
#include "probe/denial.h"
#include "probe/file_systems.h"

namespace leat::app::probe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_file_systems = 24;
constexpr std::size_t most_folders = 8;
// A busy disk may take a while to write the block that a reflink shares.
constexpr std::chrono::milliseconds longest_wait{300};
constexpr std::chrono::milliseconds longest_wait_for_all{600};

Result<os::FileSystemAnswers> ask_patiently(const FileSystem& file_system,
                                            Clock::time_point deadline) {
  os::Places places{.folders = file_system.folders,
                    .mount_id = file_system.mount.id,
                    .may_write = !file_system.mount.read_only};
  if (places.folders.size() > most_folders) places.folders.resize(most_folders);
  return os::ask_file_system_until(places, deadline);
}

void note(FileAnswers& files, const os::FileSystemAnswers& answers) {
  if (answers.nowait) files.nowait.push_back(*answers.nowait);
  if (!answers.direct || !*answers.direct) return;
  files.alignment_asked = true;
  files.alignment_told = files.alignment_told || (*answers.direct)->told;
}

/// Where a user who may not write to the root of a file system probably may.
std::vector<std::string> usual_folders() {
  std::vector<std::string> folders{"/tmp", "/var/tmp"};
  if (const auto here = os::working_folder()) folders.insert(folders.begin(), *here);
  return folders;
}

Finding summary(std::string name, std::string detail) {
  return {.section = Section::file_systems,
          .name = std::move(name),
          .verdict = Verdict::unknown,
          .detail = std::move(detail),
          .remedy = {},
          .facts = {}};
}

}  // namespace

FileSystemFindings ask_file_systems() {
  FileSystemFindings found;
  const auto mounts = os::mounts();
  if (!mounts) {
    found.findings.push_back(summary("all", unreadable(mounts.error())));
    return found;
  }
  const auto all = file_systems_of(*mounts, usual_folders());
  const Clock::time_point end = Clock::now() + longest_wait_for_all;
  for (const FileSystem& file_system : all) {
    if (found.findings.size() == most_file_systems) {
      found.findings.push_back(
          summary("others", fmt::format("{} more were not asked", all.size() - most_file_systems)));
      break;
    }
    if (os::may_wait(file_system.mount.kind)) {
      found.findings.push_back(not_asked(file_system.mount));
      continue;
    }
    const auto answers = ask_patiently(file_system, std::min(end, Clock::now() + longest_wait));
    if (answers) note(found.files, *answers);
    found.findings.push_back(judge_file_system(file_system.mount, answers));
  }
  return found;
}

}  // namespace leat::app::probe
