#include "os/host.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

namespace leat::app::os {
namespace {

/// What follows "name:" in a file of /proc, without the blanks before it.
std::optional<std::string> field(const char* path, const std::string& name) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(name)) continue;
    const std::size_t start = line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? std::string() : line.substr(start);
  }
  return std::nullopt;
}

/// A field of the form "1234 kB".
std::optional<std::uint64_t> kilobytes(const char* path, const std::string& name) {
  const std::optional<std::string> text = field(path, name);
  if (!text) return std::nullopt;
  std::uint64_t count = 0;
  std::istringstream(*text) >> count;
  return count << 10;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

std::string kernel_name() {
  utsname names{};
  if (::uname(&names) < 0) return "unknown";
  return std::string(names.sysname) + " " + names.release + " " + names.machine;
}

std::string processor_name() { return field("/proc/cpuinfo", "model name").value_or("unknown"); }

unsigned usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) < 0) return 1;
  return static_cast<unsigned>(CPU_COUNT(&set));
}

double load_average() {
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  return load;
}

std::uint64_t available_memory() {
  return kilobytes("/proc/meminfo", "MemAvailable")
      .value_or(std::numeric_limits<std::uint64_t>::max());
}

std::string command_line() {
  std::ifstream file("/proc/self/cmdline");
  std::string line;
  std::string argument;
  while (std::getline(file, argument, '\0')) {
    if (line.empty()) {
      line = argument.substr(argument.rfind('/') + 1);
    } else {
      line += " " + argument;
    }
  }
  return line;
}

Memory process_memory() {
  return {.anonymous_bytes = kilobytes("/proc/self/status", "RssAnon").value_or(0),
          .peak_bytes = kilobytes("/proc/self/status", "VmHWM").value_or(0)};
}

Used process_used() {
  rusage raw{};
  ::getrusage(RUSAGE_SELF, &raw);
  return {.user_s = seconds(raw.ru_utime),
          .system_s = seconds(raw.ru_stime),
          .voluntary_switches = static_cast<std::uint64_t>(raw.ru_nvcsw),
          .involuntary_switches = static_cast<std::uint64_t>(raw.ru_nivcsw),
          .disk_read_bytes = static_cast<std::uint64_t>(raw.ru_inblock) * 512,
          .disk_written_bytes = static_cast<std::uint64_t>(raw.ru_oublock) * 512};
}

double waited_for_processor_s() {
  std::uint64_t ran_ns = 0;
  std::uint64_t waited_ns = 0;
  std::ifstream("/proc/self/schedstat") >> ran_ns >> waited_ns;
  return static_cast<double>(waited_ns) * 1e-9;
}

}  // namespace leat::app::os
