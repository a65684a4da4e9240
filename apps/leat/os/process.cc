#include "os/process.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

namespace leat::app::os {

void fill_standard_descriptors() noexcept {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is `fd` itself: those below are open.
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

void drop_standard_output() noexcept {
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    // Without /dev it is closed: this process opens nothing that could get the number and be
    // written to by mistake, as it prints nothing.
    if (nowhere < 0 || dup2(nowhere, fd) < 0) close(fd);
  }
}

void ignore_signals_of_writing() noexcept {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void tell(std::string_view text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

bool is_terminal(FdRef fd) noexcept { return isatty(fd.number()) == 1; }

std::uint32_t terminal_width(FdRef fd) noexcept {
  winsize size{};
  if (ioctl(fd.number(), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace leat::app::os
