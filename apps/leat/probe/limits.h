/// Limits that get in the way of moving bytes without copying, and whether they are high enough.
#pragma once

#include <string>

#include <leat/error.h>

#include "os/settings.h"
#include "probe/finding.h"

namespace leat::app::probe {

/// `exempt`: this process may lock what it likes.
Finding judge_locked_memory(const os::ResourceLimit& limit, bool exempt);
Finding judge_open_files(const os::ResourceLimit& limit);

/// Each setting is the first line of its file below /proc/sys.
Finding judge_optmem(const Result<std::string>& setting);
Finding judge_pipe_size(const Result<std::string>& setting, bool exempt);
Finding judge_pipe_pages(const Result<std::string>& setting, bool exempt);
Finding judge_paranoia(const Result<std::string>& setting, bool exempt);
Finding judge_hidden_addresses(const Result<std::string>& setting, bool exempt);

Findings ask_limits();

}  // namespace leat::app::probe
