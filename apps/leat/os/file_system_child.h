/// A file system asked by a child of this process. A call on a dead disk, or on a file system that
/// is frozen, cannot be interrupted, and a process with a thread inside one cannot end.
#pragma once

#include <chrono>

#include <leat/error.h>

#include "os/file_system_questions.h"

namespace leat::app::os {

/// The same as ask_file_system; of the errors in the answers, errno and operation are told. To be
/// called while this process has one thread. Errors: ETIMEDOUT (the child is left to itself and
/// ends with the call that holds it); those of starting a child.
Result<FileSystemAnswers> ask_file_system_until(const Places& places,
                                                std::chrono::steady_clock::time_point deadline);

}  // namespace leat::app::os
