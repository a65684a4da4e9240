/// The machine and this process, as the kernel describes them.
#pragma once

#include <cstdint>
#include <string>

namespace leat::app::os {

/// "Linux 6.1.0-18-amd64 x86_64". See uname(2).
std::string kernel_name();
/// The processor's model name, or "unknown". See /proc/cpuinfo.
std::string processor_name();
/// Processors that this process may run on. See sched_getaffinity(2).
unsigned usable_processors();
/// Runnable processes, averaged over the last minute; 0 if that is not known. See /proc/loadavg.
double load_average();
/// Memory that can be had without swapping, or the most there can be if that is not known.
std::uint64_t available_memory();

/// The command that started this process, its path left out: "leat bench transfer --size 1GiB".
std::string command_line();

/// Memory of this process, from /proc/self/status.
struct Memory {
  std::uint64_t anonymous_bytes = 0;  ///< RssAnon: now
  std::uint64_t peak_bytes = 0;       ///< VmHWM: the most that was resident, mapped files included
};
Memory process_memory();

/// Used by this process with its threads and io_uring workers. See getrusage(2).
struct Used {
  double user_s = 0;
  double system_s = 0;
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
  std::uint64_t disk_read_bytes = 0;
  std::uint64_t disk_written_bytes = 0;  ///< counted when pages of a file become dirty
};
Used process_used();

/// How long this process's first thread stood ready and waited for a processor that others had, in
/// all; 0 if the kernel does not say. See /proc/self/schedstat in the kernel's sched-stats.rst.
double waited_for_processor_s();

}  // namespace leat::app::os
