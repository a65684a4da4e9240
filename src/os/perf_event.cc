#include "os/perf_event.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstring>
#include <limits>
#include <string>

#include "os/error.h"
#include "os/file.h"
#include "os/memory.h"
#include "os/stream.h"

namespace leat::os {
namespace {

constexpr std::size_t data_pages = 64;  // what perf_event_mlock_kb grants an ordinary user

// Pads records at the end of the buffer: each is copied out first.
constexpr std::size_t most_record_bytes = 64;

perf_event_attr attributes(unsigned samples_per_second) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.freq = 1;
  attr.sample_freq = samples_per_second;
  attr.sample_type = PERF_SAMPLE_IP;
  attr.inherit = 1;
  attr.exclude_hv = 1;
  return attr;
}

std::string setting(const char* path) {
  std::array<char, 16> room{};
  const auto file = open_for_reading(path);
  if (!file) return "not readable";
  const auto count = read(*file, std::as_writable_bytes(std::span(room)));
  std::string text(room.data(), count.value_or(0));
  return text.substr(0, text.find('\n'));
}

/// Above it the call is EINVAL; the kernel lowers it by itself when its own interrupts take too
/// long.
unsigned permitted_rate() {
  unsigned rate = std::numeric_limits<unsigned>::max();
  const std::string text = setting("/proc/sys/kernel/perf_event_max_sample_rate");
  std::from_chars(text.data(), text.data() + text.size(), rate);
  return rate;
}

Error denied(Error error) {
  const std::string paranoid = setting("/proc/sys/kernel/perf_event_paranoid");
  if (paranoid == "-1" || paranoid == "0" || paranoid == "1") {
    error.hint = "a seccomp filter or security module denies perf_event_open(2)";
  } else {
    error.hint = "kernel.perf_event_paranoid is " + paranoid +
                 ": run as root, or sudo sysctl kernel.perf_event_paranoid=1";
  }
  return error;
}

template <class T>
T read_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

Result<PerfEvents> PerfEvents::open(int process, unsigned samples_per_second) {
  perf_event_attr attr = attributes(std::min(samples_per_second, permitted_rate()));
  PerfEvents events;
  const int processors = static_cast<int>(::sysconf(_SC_NPROCESSORS_CONF));
  for (int processor = 0; processor < processors; ++processor) {
    const long number =
        ::syscall(SYS_perf_event_open, &attr, process, processor, -1, PERF_FLAG_FD_CLOEXEC);
    if (number < 0 && errno == ENODEV) continue;  // switched off
    if (number < 0) {
      auto failed = last_error("perf_event_open");
      if (failed.error().is(EACCES) || failed.error().is(EPERM))
        return std::unexpected(denied(std::move(failed.error())));
      return failed;
    }
    OwnedFd fd(static_cast<int>(number));
    const std::size_t bytes = (1 + data_pages) * page_bytes();
    void* const start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.number(), 0);
    if (start == MAP_FAILED) return last_error("mmap");
    events.events_.push_back({std::move(fd), {static_cast<std::byte*>(start), bytes}});
  }
  return events;
}

PerfEvents::~PerfEvents() {
  for (const Event& event : events_) ::munmap(event.mapping.data(), event.mapping.size());
}

std::uint64_t PerfEvents::drain(std::vector<PerfSample>& into) {
  std::uint64_t lost = 0;
  for (const Event& event : events_) lost += drain(event, into);
  return lost;
}

// The kernel moves the head on after it has written, and never beyond the tail.
std::uint64_t PerfEvents::drain(const Event& event, std::vector<PerfSample>& into) {
  auto* const page = reinterpret_cast<perf_event_mmap_page*>(event.mapping.data());
  const auto data = event.mapping.subspan(page_bytes());
  const std::uint64_t head = std::atomic_ref(page->data_head).load(std::memory_order_acquire);
  std::uint64_t tail = page->data_tail;
  std::uint64_t lost = 0;
  while (tail < head) {
    std::array<std::byte, most_record_bytes> record{};
    const auto copy_out = [&](std::size_t bytes) {
      for (std::size_t index = 0; index < bytes; ++index)
        record[index] = data[(tail + index) % data.size()];
    };
    copy_out(sizeof(perf_event_header));
    const auto header = read_at<perf_event_header>(record, 0);
    if (header.size < sizeof header) break;
    copy_out(std::min<std::size_t>(header.size, record.size()));
    if (header.type == PERF_RECORD_SAMPLE) {
      const auto mode = header.misc & PERF_RECORD_MISC_CPUMODE_MASK;
      into.push_back({.address = read_at<std::uint64_t>(record, sizeof header),
                      .in_kernel = mode == PERF_RECORD_MISC_KERNEL});
    } else if (header.type == PERF_RECORD_LOST) {
      lost += read_at<std::uint64_t>(record, sizeof header + sizeof(std::uint64_t));
    }
    tail += header.size;
  }
  std::atomic_ref(page->data_tail).store(tail, std::memory_order_release);
  return lost;
}

}  // namespace leat::os
