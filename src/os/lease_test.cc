// Goal: a read lease shows whoever wants to write, holds him up until it is given up, and its break
// kills nobody. Method: files that are opened without waiting; a child that forgets F_SETOWN.

#include "os/lease.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <gtest/gtest.h>

#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class LeaseTest : public GuardedTest, public ::testing::WithParamInterface<const char*> {
 protected:
  LeaseTest() : folder_(GetParam()), path_(folder_.file("file")) { write_text(path_, "old"); }

  OwnedFd opened(int flags) const { return OwnedFd(::open(path_.c_str(), flags | O_CLOEXEC)); }
  bool can_be_opened_for_writing() const { return opened(O_WRONLY | O_NONBLOCK).valid(); }

  Folder folder_;
  std::string path_;
};

TEST_P(LeaseTest, holds_writers_up_until_it_is_given_up) {
  const OwnedFd file = opened(O_RDONLY);
  const std::string before = demeanour(file);
  auto lease = os::take_read_lease(file, false);
  ASSERT_TRUE(lease);
  EXPECT_TRUE(lease->holds());
  EXPECT_TRUE(opened(O_RDONLY).valid());
  EXPECT_TRUE(lease->holds()) << "readers are welcome";
  EXPECT_FALSE(can_be_opened_for_writing());
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_FALSE(lease->holds());
  lease->give_up();
  EXPECT_FALSE(lease->valid());
  EXPECT_TRUE(can_be_opened_for_writing());
  EXPECT_EQ(demeanour(file), before);
}

TEST_P(LeaseTest, ends_with_its_owner_even_if_a_child_shares_it) {
  const OwnedFd file = opened(O_RDONLY);
  pid_t child = 0;
  const Pair line = make_pipe_pair(Blocking::yes);
  {
    const auto lease = os::take_read_lease(file, false);
    ASSERT_TRUE(lease);
    child = ::fork();
    if (child == 0) {
      char byte;
      ::_exit(::read(line.from.number(), &byte, 1) == 1 ? 0 : 1);
    }
    EXPECT_FALSE(can_be_opened_for_writing());
  }
  EXPECT_TRUE(can_be_opened_for_writing());
  EXPECT_EQ(::write(line.to.number(), "x", 1), 1);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_P(LeaseTest, is_denied_while_somebody_may_write) {
  const OwnedFd file = opened(O_RDONLY);
  OwnedFd writer = opened(O_RDWR);
  EXPECT_TRUE(os::take_read_lease(file, false).error().is(EAGAIN));
  void* const mapped = ::mmap(nullptr, 3, PROT_READ | PROT_WRITE, MAP_SHARED, writer.number(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  writer.reset();
  EXPECT_TRUE(os::take_read_lease(file, false).error().is(EAGAIN)) << "by a mapping alone";
  ::munmap(mapped, 3);
  EXPECT_TRUE(os::take_read_lease(file, false));
}

// What open(2) calls unspecified empties the file past the lease, which does not notice.
TEST_P(LeaseTest, does_not_notice_a_truncating_reader) {
  const OwnedFd file = opened(O_RDONLY);
  const auto lease = os::take_read_lease(file, false);
  ASSERT_TRUE(lease);
  EXPECT_TRUE(opened(O_RDONLY | O_TRUNC).valid());
  EXPECT_EQ(size_of(file), 0u);
  EXPECT_TRUE(lease->holds());
}

TEST_P(LeaseTest, takes_an_owned_descriptor_where_proc_is_closed) {
  const OwnedFd file = opened(O_RDONLY);
  const ScopedFaults faults({{.call = "open", .times = always, .error_number = EACCES}});
  EXPECT_TRUE(os::take_read_lease(file, false).error().is(EACCES));
  const auto lease = os::take_read_lease(file, true);
  ASSERT_TRUE(lease);
  EXPECT_TRUE(lease->holds());
}

TEST_P(LeaseTest, leaves_nothing_behind_if_it_is_refused) {
  const OwnedFd file = opened(O_RDONLY);
  for (const std::uint64_t call : {2u, 3u, 4u}) {  // the first asks how it was opened
    const ScopedFaults faults({{.call = "fcntl", .first = call, .error_number = ENOSYS}});
    EXPECT_TRUE(os::take_read_lease(file, false).error().is(ENOSYS)) << call;
  }
  EXPECT_TRUE(can_be_opened_for_writing());
}

INSTANTIATE_TEST_SUITE_P(on, LeaseTest, ::testing::Values("/tmp", "/dev/shm"),
                         [](const auto& each) { return each.index == 0 ? "disk" : "memory"; });

// Returns how a child ended that broke a lease of its own.
int break_a_lease_in_a_child(const std::string& path, bool by_hand) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGIO, SIG_DFL);
    const int file = ::open(path.c_str(), O_RDONLY);
    os::ReadLease lease;
    if (by_hand) {
      if (::fcntl(file, F_SETLEASE, F_RDLCK) < 0) ::_exit(2);
    } else {
      auto taken = os::take_read_lease(FdRef(file), false);
      if (!taken) ::_exit(2);
      lease = std::move(*taken);
    }
    const bool opened = ::open(path.c_str(), O_WRONLY | O_NONBLOCK) >= 0;
    ::_exit(opened ? 3 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(LeaseBreak, does_not_kill_as_it_does_by_hand) {
  const Watchdog watchdog;
  const Folder folder;
  write_text(folder.file("file"), "old");
  const int by_hand = break_a_lease_in_a_child(folder.file("file"), true);
  EXPECT_TRUE(WIFSIGNALED(by_hand) && WTERMSIG(by_hand) == SIGIO) << by_hand;
  EXPECT_EQ(break_a_lease_in_a_child(folder.file("file"), false), 0);
}

// Between F_SETLEASE and F_SETOWN.
TEST(LeaseBreak, does_not_kill_before_the_lease_is_ready) {
  const Watchdog watchdog;
  const Folder folder;
  const std::string path = folder.file("file");
  write_text(path, "old");
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGIO, SIG_DFL);
    ::signal(SIGURG, SIG_DFL);
    const OwnedFd file(::open(path.c_str(), O_RDONLY));
    const ScopedFaults faults({{.call = "fcntl", .first = 4, .before = [&path] {
                                  ::open(path.c_str(), O_WRONLY | O_NONBLOCK);
                                }}});
    const auto lease = os::take_read_lease(file, false);
    ::_exit(lease && !lease->holds() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace leat::testing
