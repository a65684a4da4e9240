#include "os/child_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "os/error.h"
#include "os/pipe.h"

namespace leat::app::os {
namespace {

[[noreturn]] void run_child(pid_t parent, const ParentLink& link,
                            const std::function<int(const ParentLink&)>& body) {
  // Asked again after prctl: the parent may have died between fork and here.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  // _exit: the parent's buffered output and its atexit handlers are not ours.
  ::_exit(body(link));
}

/// Milliseconds to the deadline, rounded up, at least 0.
int remaining_ms(ChildProcess::Deadline deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 30));
}

}  // namespace

bool ParentLink::send(std::span<const std::byte> report) const {
  while (!report.empty()) {
    const ssize_t count = ::write(report_.number(), report.data(), report.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    report = report.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

bool ParentLink::wait_for_go() const {
  char byte = 0;
  return retry_interrupted([&] { return ::read(go_.number(), &byte, 1); }) == 1;
}

Result<ChildProcess> ChildProcess::start(const std::function<int(const ParentLink&)>& body) {
  Result<Pipe> report = make_pipe();
  if (!report) return std::unexpected(report.error());
  Result<Pipe> go = make_pipe();
  if (!go) return std::unexpected(go.error());

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return last_error("fork");
  if (pid == 0) {
    // Else the child would hold its own pipes open and never see the parent go.
    report->out.reset();
    go->in.reset();
    run_child(parent, ParentLink(std::move(report->in), std::move(go->out)), body);
  }
  return ChildProcess(pid, std::move(report->out), std::move(go->in));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      report_(std::move(other.report_)),
      go_(std::move(other.go_)) {}

void ChildProcess::abandon() noexcept {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  pid_ = -1;
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  retry_interrupted([&] { return ::waitpid(pid_, nullptr, 0); });
}

Result<void> ChildProcess::go() const {
  // MSG_NOSIGNAL has no like for pipes; a child that died is told apart by its missing report.
  struct sigaction ignore{};
  struct sigaction before{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  const char byte = 1;
  const ssize_t count = retry_interrupted([&] { return ::write(go_.number(), &byte, 1); });
  const int error_number = errno;
  ::sigaction(SIGPIPE, &before, nullptr);
  if (count != 1) return make_error(error_number, "write to a child");
  return {};
}

Result<void> ChildProcess::receive(std::span<std::byte> report, Deadline deadline) const {
  while (!report.empty()) {
    pollfd readable{.fd = report_.number(), .events = POLLIN, .revents = 0};
    const int ready =
        retry_interrupted([&] { return ::poll(&readable, 1, remaining_ms(deadline)); });
    if (ready < 0) return last_error("poll");
    if (ready == 0) return make_error(ETIMEDOUT, "report of a child");
    const ssize_t count =
        retry_interrupted([&] { return ::read(report_.number(), report.data(), report.size()); });
    if (count < 0) return last_error("read");
    if (count == 0) return make_error(EPIPE, "report of a child");
    report = report.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<ChildEnd> ChildProcess::wait() {
  int status = 0;
  rusage used{};
  if (retry_interrupted([&] { return ::wait4(pid_, &status, 0, &used); }) < 0) {
    return last_error("wait4");
  }
  pid_ = -1;
  return ChildEnd{.disk_read_bytes = static_cast<std::uint64_t>(used.ru_inblock) * 512,
                  .exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
}

}  // namespace leat::app::os
