/// What the mounted file systems can do: share extents, direct I/O, holes, reads that do not wait.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "os/file_system_questions.h"
#include "os/mounts.h"
#include "probe/finding.h"
#include "probe/kernel_features.h"

namespace leat::app::probe {

/// A file system, at every place where it is mounted.
struct FileSystem {
  os::Mount mount;                   ///< the first place, or the first that can be written to
  std::vector<std::string> folders;  ///< where to ask, the first place first
};

/// Of `mounts` those that hold files, once each, writable ones first. `more_folders` are such as a
/// user may write to: each is added to the file system that it belongs to.
std::vector<FileSystem> file_systems_of(const std::vector<os::Mount>& mounts,
                                        const std::vector<std::string>& more_folders);

/// One finding. ETIMEDOUT: it did not answer in time.
Finding judge_file_system(const os::Mount& mount, const Result<os::FileSystemAnswers>& answers);
/// That of a kind that may wait for another machine.
Finding not_asked(const os::Mount& mount);

struct FileSystemFindings {
  Findings findings;
  FileAnswers files;
};
FileSystemFindings ask_file_systems();

}  // namespace leat::app::probe
