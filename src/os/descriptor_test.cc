// Goal: a descriptor is taken for what it is, and OwnedFd closes once.

#include "os/descriptor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class Descriptor : public GuardedTest {
 protected:
  static bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }
  static OwnedFd opened(const char* path, int flags = O_RDONLY) {
    return OwnedFd(::open(path, flags | O_CLOEXEC));
  }
  static os::FileType type_of(FdRef fd) {
    const auto stat = os::stat(fd);
    EXPECT_TRUE(stat);
    return stat ? stat->type : os::FileType::other;
  }
};

TEST_F(Descriptor, an_owner_closes_once) {
  OwnedFd one = file_with({});
  const int number = one.number();
  OwnedFd two = std::move(one);
  one.reset();
  EXPECT_TRUE(is_open(number)) << "it belongs to the other one now";
  two = OwnedFd();
  EXPECT_FALSE(is_open(number));
}

TEST_F(Descriptor, assigning_closes_what_was_there) {
  OwnedFd one = file_with({});
  const int number = one.number();
  one = file_with({});
  EXPECT_NE(one.number(), number);
  EXPECT_FALSE(is_open(number));
}

TEST_F(Descriptor, assigning_to_itself_keeps_it) {
  OwnedFd one = file_with({});
  OwnedFd& same = one;
  one = std::move(same);
  EXPECT_TRUE(is_open(one.number()));
}

TEST_F(Descriptor, release_gives_it_away) {
  OwnedFd one = file_with({});
  const int number = one.release();
  EXPECT_FALSE(one.valid());
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST_F(Descriptor, types_are_told_apart) {
  using os::FileType;
  const Pair pipe = make_pipe_pair();
  const Pair socket = make_unix_pair();
  EXPECT_EQ(type_of(file_with({})), FileType::regular);
  EXPECT_EQ(type_of(pipe.from), FileType::pipe);
  EXPECT_EQ(type_of(socket.from), FileType::socket);
  EXPECT_EQ(type_of(opened("/tmp")), FileType::directory);
  EXPECT_EQ(type_of(opened("/dev/null")), FileType::character_device);
  EXPECT_EQ(type_of(OwnedFd(::eventfd(0, EFD_CLOEXEC))), FileType::other);
  const auto nothing = os::stat(FdRef());
  ASSERT_FALSE(nothing);
  EXPECT_TRUE(nothing.error().is(EBADF));
}

TEST_F(Descriptor, stat_tells_size_blocks_links_and_mode) {
  const Folder folder;
  write_text(folder.file("one"), "hello");
  ASSERT_EQ(::link(folder.file("one").c_str(), folder.file("two").c_str()), 0);
  ASSERT_EQ(::chmod(folder.file("one").c_str(), 04641), 0);
  const auto stat = os::stat(opened(folder.file("two").c_str()));
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->size, 5u);
  EXPECT_EQ(stat->links, 2u);
  EXPECT_EQ(stat->mode, 04641u);
  EXPECT_EQ(stat->owner, ::geteuid());

  const Extent extent{1 << 20, 100};
  const auto sparse = os::stat(sparse_file(1, 10 << 20, {&extent, 1}));
  ASSERT_TRUE(sparse);
  EXPECT_EQ(sparse->size, 10u << 20);
  EXPECT_LT(sparse->allocated, 1u << 20);
}

TEST_F(Descriptor, flags_are_read_and_nonblocking_is_added) {
  Pair pipe = make_pipe_pair(Blocking::yes);
  EXPECT_FALSE(os::status_flags(pipe.from)->nonblocking);
  ASSERT_TRUE(os::set_nonblocking(pipe.from));
  EXPECT_TRUE(os::status_flags(pipe.from)->nonblocking);
  const Folder folder;
  const OwnedFd log(::open(folder.file("log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600));
  ASSERT_TRUE(os::set_nonblocking(log));
  EXPECT_TRUE(os::status_flags(log)->append) << "the other flags stay";
  EXPECT_FALSE(os::status_flags(FdRef()));
}

TEST_F(Descriptor, sizes_of_proc_and_sys_are_not_true) {
  const auto trust = [](FdRef file) { return os::file_system(file)->size_trust; };
  EXPECT_EQ(trust(opened("/proc/self/status")), os::SizeTrust::never);
  EXPECT_EQ(trust(opened("/sys/kernel/mm/transparent_hugepage/enabled")), os::SizeTrust::never);
  EXPECT_EQ(trust(file_with({})), os::SizeTrust::always);
}

TEST_F(Descriptor, of_its_file_system_what_sharing_extents_needs) {
  const OwnedFd memory(::memfd_create("leat-test", MFD_CLOEXEC));
  const auto tmpfs = os::file_system(memory);
  ASSERT_TRUE(tmpfs);
  EXPECT_FALSE(tmpfs->shares_extents) << "tmpfs has no extents";
  EXPECT_EQ(tmpfs->block_bytes, static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_NE(tmpfs->type, os::file_system(opened("/proc/self/status"))->type);
  EXPECT_FALSE(os::file_system(FdRef()));
}

TEST_F(Descriptor, reopened_it_has_flags_of_its_own) {
  Pair pipe = make_pipe_pair(Blocking::yes);
  const auto own = os::reopen_nonblocking(pipe.from, os::Access::read);
  ASSERT_TRUE(own) << own.error().message();
  EXPECT_TRUE(os::status_flags(*own)->nonblocking);
  EXPECT_FALSE(os::status_flags(pipe.from)->nonblocking);
  ASSERT_EQ(::write(pipe.to.number(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(own->number(), &byte, 1), 1) << "it is the same pipe";
}

TEST_F(Descriptor, reopening_says_why_not) {
  const Pair pipe = make_pipe_pair();
  const ScopedFaults faults({{.call = "open", .error_number = ENOENT}});
  const auto own = os::reopen_nonblocking(pipe.from, os::Access::read);
  ASSERT_FALSE(own);
  EXPECT_TRUE(own.error().is(ENOENT));
}

}  // namespace
}  // namespace leat::testing
