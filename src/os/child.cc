#include "os/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "os/error.h"
#include "os/memory.h"

namespace leat::os {

Result<Child> start_child(const std::function<int(FdRef report)>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return last_error("pipe2");
  OwnedFd reader(ends[0]);
  OwnedFd writer(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process < 0) return last_error("fork");
  if (process > 0) return Child{process, std::move(reader)};
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  reader.reset();
  ::_exit(body(writer));
}

void end_child(int process) noexcept {
  ::kill(process, SIGKILL);
  retry_interrupted([process] { return ::waitpid(process, nullptr, 0); });
}

Result<int> wait_for_child(int process) {
  int status = 0;
  if (retry_interrupted([&] { return ::waitpid(process, &status, 0); }) < 0)
    return last_error("waitpid");
  return status;
}

Result<std::uint64_t> exclusive_bytes(std::span<const std::byte> memory) {
  const OwnedFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap.valid()) return last_error("open /proc/self/pagemap");
  constexpr std::uint64_t present_and_exclusive = 1ull << 63 | 1ull << 56;
  const std::uint64_t page = page_bytes();
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  const std::uint64_t begin = address / page;
  const std::uint64_t end = (address + memory.size() + page - 1) / page;
  std::array<std::uint64_t, 4096> entries{};
  std::uint64_t pages = 0;
  for (std::uint64_t at = begin; at < end;) {
    const std::size_t count = std::min<std::uint64_t>(entries.size(), end - at);
    const ssize_t got = retry_interrupted([&] {
      return ::pread(pagemap.number(), entries.data(), count * sizeof(std::uint64_t),
                     static_cast<off_t>(at * sizeof(std::uint64_t)));
    });
    if (got <= 0) return last_error("read /proc/self/pagemap");
    const std::size_t read = static_cast<std::size_t>(got) / sizeof(std::uint64_t);
    pages += static_cast<std::uint64_t>(
        std::count_if(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(read),
                      [](std::uint64_t entry) {
                        return (entry & present_and_exclusive) == present_and_exclusive;
                      }));
    at += read;
  }
  return pages * page;
}

bool write_all(FdRef pipe, std::span<const std::byte> text) noexcept {
  while (!text.empty()) {
    const ssize_t written =
        retry_interrupted([&] { return ::write(pipe.number(), text.data(), text.size()); });
    if (written < 0) return false;
    text = text.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

Result<std::size_t> read_all(FdRef pipe, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = retry_interrupted(
        [&] { return ::read(pipe.number(), into.data() + done, into.size() - done); });
    if (got < 0) return last_error("read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace leat::os
