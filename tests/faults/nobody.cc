#include "faults/nobody.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace leat::testing {

std::string in_child(const std::function<std::string()>& body) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string said = body();
    [[maybe_unused]] const ssize_t written = ::write(ends[1], said.data(), said.size());
    ::_exit(said.empty() ? 0 : 1);
  }
  ::close(ends[1]);
  std::string said;
  char room[4096];
  for (ssize_t count = 0; (count = ::read(ends[0], room, sizeof room)) > 0;)
    said.append(room, static_cast<std::size_t>(count));
  ::close(ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  if (!WIFEXITED(status)) said += " died by signal " + std::to_string(WTERMSIG(status));
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && said.empty()) said = "ended with an error";
  return said;
}

bool become_nobody() {
  return ::setresgid(65534, 65534, 65534) == 0 && ::setresuid(65534, 65534, 65534) == 0;
}

void limit(__rlimit_resource resource, rlim_t to) {
  const rlimit both{to, to};
  EXPECT_EQ(::setrlimit(resource, &both), 0);
}

}  // namespace leat::testing
