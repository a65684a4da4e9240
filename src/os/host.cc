#include "os/host.h"

#include <sys/utsname.h>

#include <array>
#include <cerrno>
#include <span>
#include <string_view>

#include "os/error.h"
#include "os/file.h"
#include "os/stream.h"

namespace leat::os {

std::string kernel_release() {
  utsname names{};
  return ::uname(&names) == 0 ? names.release : "unknown";
}

std::string processor_name() {
  // It stands near the beginning; of hundreds of processors the kernel would write for long.
  std::array<char, 4096> block;
  const auto file = open_for_reading("/proc/cpuinfo");
  const auto count = file ? read(*file, std::as_writable_bytes(std::span(block))) : 0;
  const std::string_view text(block.data(), count.value_or(0));
  const std::size_t line = text.find("model name");
  const std::size_t end = line == text.npos ? line : text.find('\n', line);
  const std::size_t colon = line == text.npos ? line : text.find(": ", line);
  if (end == text.npos || colon == text.npos || colon + 2 >= end) return "unknown";
  return std::string(text.substr(colon + 2, end - colon - 2));
}

Result<std::string> read_text(const std::string& path, std::size_t most) {
  const auto file = open_for_reading(path);
  if (!file) return std::unexpected(file.error());
  std::string text;
  std::array<char, 16 << 10> block;
  for (;;) {
    const auto count = read(*file, std::as_writable_bytes(std::span(block)));
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return text;
    if (text.size() + *count > most) return make_error(EFBIG, "read");
    text.append(block.data(), *count);
  }
}

}  // namespace leat::os
