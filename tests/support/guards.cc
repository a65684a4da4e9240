#include "support/guards.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "support/bounds.h"

namespace leat::testing {
namespace {

std::array<char, 256> barking;

void bark(int) {
  // Only async-signal-safe calls from here on.
  [[maybe_unused]] const auto ignored =
      ::write(STDERR_FILENO, barking.data(), std::strlen(barking.data()));
  std::abort();
}

}  // namespace

Watchdog::Watchdog(std::chrono::seconds limit) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::snprintf(barking.data(), barking.size(), "watchdog: %s.%s hangs\n",
                test ? test->test_suite_name() : "?", test ? test->name() : "?");
  ::signal(SIGALRM, bark);
  alarm(static_cast<unsigned>(limit.count()) * time_factor());
}

Watchdog::~Watchdog() { alarm(0); }

namespace {

// A file's path may change while it is open: by a rename, or by another mount namespace.
std::string identity_of(int number, std::string_view target) {
  struct stat status{};
  if (!target.starts_with('/') || ::fstat(number, &status) != 0) return std::string(target);
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

}  // namespace

Census open_descriptors() {
  Census census;
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return census;
  while (const dirent* entry = ::readdir(folder)) {
    const int number = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || number == ::dirfd(folder)) continue;
    std::array<char, 256> target{};
    const std::string link = std::string("/proc/self/fd/") + entry->d_name;
    if (::readlink(link.c_str(), target.data(), target.size() - 1) >= 0)
      census[number] = {identity_of(number, target.data()), target.data()};
  }
  ::closedir(folder);
  return census;
}

std::string leaked_since(const Census& then) {
  std::string leaked;
  for (const auto& [number, now] : open_descriptors()) {
    const auto before = then.find(number);
    if (before == then.end() || before->second.identity != now.identity)
      leaked += std::to_string(number) + " -> " + now.target + "\n";
  }
  return leaked;
}

Folder::Folder(const std::string& parent) : path_(parent + "/leat-test-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) {
    std::perror(path_.c_str());
    std::abort();
  }
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::listing() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  std::string listed;
  for (const std::string& name : names) listed += (listed.empty() ? "" : " ") + name;
  return listed;
}

}  // namespace leat::testing
