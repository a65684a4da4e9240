#include "os/call_trace.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

#include "os/error.h"

namespace leat::app::os {
namespace {

constexpr unsigned seconds_to_live = 20;

/// Nothing that moves bytes makes it, and libc does not remember its answer.
constexpr long mark_call = SYS_getppid;

constexpr std::array<std::pair<long, std::string_view>, 25> names{{
    {SYS_read, "read"},
    {SYS_write, "write"},
    {SYS_pread64, "pread64"},
    {SYS_pwrite64, "pwrite64"},
    {SYS_readv, "readv"},
    {SYS_writev, "writev"},
    {SYS_sendto, "sendto"},
    {SYS_recvfrom, "recvfrom"},
    {SYS_sendmsg, "sendmsg"},
    {SYS_sendfile, "sendfile"},
    {SYS_splice, "splice"},
    {SYS_mmap, "mmap"},
    {SYS_munmap, "munmap"},
    {SYS_madvise, "madvise"},
    {SYS_fstat, "fstat"},
    {SYS_newfstatat, "newfstatat"},
    {SYS_statx, "statx"},
    {SYS_fcntl, "fcntl"},
    {SYS_ioctl, "ioctl"},
    {SYS_ppoll, "ppoll"},
    {SYS_pipe2, "pipe2"},
    {SYS_close, "close"},
    {SYS_lseek, "lseek"},
    {SYS_rt_sigprocmask, "rt_sigprocmask"},
    {SYS_getsockopt, "getsockopt"},
}};

std::string name_of_call(std::uint64_t number) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& entry) {
    return static_cast<std::uint64_t>(entry.first) == number;
  });
  return found == names.end() ? "call " + std::to_string(number) : std::string(found->second);
}

/// It dies with its parent, also while it is stopped and not yet traced.
[[noreturn]] void run_traced(pid_t parent,
                             const std::function<void(const std::function<void()>& mark)>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0) ::_exit(1);
  ::alarm(seconds_to_live);
  ::raise(SIGSTOP);
  body([] { ::getppid(); });
  ::_exit(0);
}

/// A child that is traced: killed and reaped in the end.
class Tracee {
 public:
  explicit Tracee(pid_t pid) : pid_(pid) {}
  Tracee(const Tracee&) = delete;
  Tracee& operator=(const Tracee&) = delete;
  ~Tracee() {
    if (ended_) return;
    ::kill(pid_, SIGKILL);
    retry_interrupted([&] { return ::waitpid(pid_, nullptr, 0); });
  }

  /// Waits until it stops; false if it ended instead.
  bool wait_for_stop() {
    if (retry_interrupted([&] { return ::waitpid(pid_, &status_, 0); }) < 0) return false;
    ended_ = !WIFSTOPPED(status_);
    return !ended_;
  }
  bool has_refused() const { return WIFEXITED(status_) && WEXITSTATUS(status_) == 1; }
  bool at_call() const { return WSTOPSIG(status_) == (SIGTRAP | 0x80); }

  bool set_options() {
    return ::ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) ==
           0;
  }
  /// On to the next call; a signal that stopped it is delivered.
  bool go_on() {
    const int signal = at_call() || WSTOPSIG(status_) == SIGSTOP ? 0 : WSTOPSIG(status_);
    return ::ptrace(PTRACE_SYSCALL, pid_, nullptr, signal) == 0;
  }
  /// The number of the call that is entered now; -1 where one returns.
  std::int64_t entered() const {
    struct __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof info, &info) <= 0) return -1;
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return -1;
    return static_cast<std::int64_t>(info.entry.nr);
  }

 private:
  pid_t pid_;
  int status_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<std::vector<std::string>> trace_calls(
    const std::function<void(const std::function<void()>& mark)>& body) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return last_error("fork");
  if (pid == 0) run_traced(parent, body);
  Tracee tracee(pid);
  if (!tracee.wait_for_stop()) return make_error(tracee.has_refused() ? EPERM : ECHILD, "ptrace");
  if (!tracee.set_options()) return last_error("ptrace");

  std::vector<std::string> calls;
  int marks = 0;
  while (marks < 2) {  // the child's alarm ends it
    if (!tracee.go_on()) return last_error("ptrace");
    if (!tracee.wait_for_stop()) return make_error(ECHILD, "ptrace");
    if (!tracee.at_call()) continue;
    const std::int64_t number = tracee.entered();
    if (number == mark_call) {
      ++marks;
    } else if (number >= 0 && marks == 1) {
      calls.push_back(name_of_call(static_cast<std::uint64_t>(number)));
    }
  }
  return calls;
}

}  // namespace leat::app::os
