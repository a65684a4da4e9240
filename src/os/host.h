// What host this is, and small text files.
#pragma once

#include <cstddef>
#include <string>

#include <leat/error.h>

namespace leat::os {

/// "6.1.0-18-amd64". See uname(2).
std::string kernel_release();
/// The first "model name" of /proc/cpuinfo, or "unknown".
std::string processor_name();

/// The bytes of a file. Errors: those of open(2) and read(2); EFBIG: it has more than `most`.
Result<std::string> read_text(const std::string& path, std::size_t most);

}  // namespace leat::os
