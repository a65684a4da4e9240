// Goal: files are opened, searched for holes, made durable and named as the header promises.

#include "os/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/descriptor.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

class OsFile : public GuardedTest {
 protected:
  Folder folder_;
  OwnedFd place_ = std::move(*os::open_folder(folder_.path()));
};

TEST_F(OsFile, opening_never_waits_and_is_not_inherited) {
  ASSERT_EQ(::mkfifo(folder_.file("fifo").c_str(), 0600), 0);
  const auto fifo = os::open_for_reading(folder_.file("fifo"));
  ASSERT_TRUE(fifo) << "it would have waited for a writer";
  EXPECT_TRUE(os::status_flags(*fifo)->nonblocking);
  EXPECT_NE(::fcntl(fifo->number(), F_GETFD) & FD_CLOEXEC, 0);
  const auto writer = os::open_for_writing(folder_.file("fifo"), {});
  EXPECT_TRUE(writer);
}

TEST_F(OsFile, a_fifo_without_a_reader_is_enxio) {
  ASSERT_EQ(::mkfifo(folder_.file("fifo").c_str(), 0600), 0);
  const auto writer = os::open_for_writing(folder_.file("fifo"), {});
  ASSERT_FALSE(writer);
  EXPECT_TRUE(writer.error().is(ENXIO));
}

TEST_F(OsFile, opening_for_writing_creates_and_truncates_only_if_told_to) {
  const std::string path = folder_.file("file");
  const auto missing = os::open_for_writing(path, {});
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is(ENOENT));
  const mode_t before = ::umask(027);
  EXPECT_TRUE(os::open_for_writing(path, {.create = true}));
  ::umask(before);
  struct stat stat{};
  ASSERT_EQ(::stat(path.c_str(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 0777u, 0640u);
  write_text(path, "hello");
  EXPECT_TRUE(os::open_for_writing(path, {.create = true}));
  EXPECT_EQ(text_of(path), "hello");
  EXPECT_TRUE(os::open_for_writing(path, {.truncate = true}));
  EXPECT_EQ(text_of(path), "");
}

TEST_F(OsFile, reserving_allocates_and_leaves_the_size) {
  const OwnedFd file = file_with({});
  const auto reserved = os::reserve(file, 0, 1 << 20);
  if (!reserved && reserved.error().is(EOPNOTSUPP))
    GTEST_SKIP() << "this file system cannot allocate beyond the end of a file";
  ASSERT_TRUE(reserved) << reserved.error().message();
  EXPECT_EQ(size_of(file), 0u);
  EXPECT_GE(allocated_bytes_of(file), 1u << 20);
  EXPECT_TRUE(os::set_size(file, 0));
  EXPECT_EQ(allocated_bytes_of(file), 0u) << "the same size gives back what is behind it";
}

TEST_F(OsFile, reserving_is_not_repeated_when_interrupted) {
  const OwnedFd file = file_with({});
  const ScopedFaults faults({{.call = "fallocate", .error_number = EINTR}});
  const auto reserved = os::reserve(file, 0, 4096);
  ASSERT_FALSE(reserved);
  EXPECT_TRUE(reserved.error().is(EINTR));
  EXPECT_EQ(faults.seen("fallocate"), 1u);
}

TEST_F(OsFile, is_repeated_when_interrupted) {
  const std::string path = folder_.file("file");
  const OwnedFd file = file_with({});
  const std::vector<std::pair<std::string, std::function<bool()>>> calls = {
      {"open", [&] { return os::open_for_writing(path, {.create = true}).has_value(); }},
      {"open", [&] { return os::open_for_reading(path).has_value(); }},
      {"ftruncate", [&] { return os::set_size(file, 10).has_value(); }},
      {"fsync", [&] { return os::sync_all(file).has_value(); }},
      {"fdatasync", [&] { return os::sync_data(file).has_value(); }}};
  for (const auto& [call, make] : calls) {
    const ScopedFaults faults({{.call = call, .times = 2, .error_number = EINTR}});
    EXPECT_TRUE(make()) << call;
    EXPECT_EQ(faults.seen(call), 3u);
  }
}

TEST_F(OsFile, data_and_holes_are_found) {
  constexpr std::uint64_t mega = 1 << 20;
  const std::array extents{Extent{mega, 8192}, Extent{3 * mega, 4096}};
  const OwnedFd file = sparse_file(1, 5 * mega, extents);
  EXPECT_EQ(os::next_data(file, 0), mega);
  EXPECT_EQ(os::next_data(file, mega + 5), mega + 5) << "in the middle of data";
  EXPECT_EQ(os::next_hole(file, mega), mega + 8192);
  EXPECT_EQ(os::next_data(file, mega + 8192), 3 * mega);
  EXPECT_EQ(os::next_hole(file, 3 * mega), 3 * mega + 4096);
  const auto none = os::next_data(file, 3 * mega + 4096);
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().is(ENXIO));
}

TEST_F(OsFile, the_end_of_a_file_counts_as_a_hole) {
  const OwnedFd file = pattern_file(1, 5000);
  EXPECT_EQ(os::next_hole(file, 0), 5000u);
}

TEST_F(OsFile, the_cursor_is_read_and_moved) {
  const OwnedFd file = pattern_file(1, 5000);
  EXPECT_EQ(os::cursor(file), 0u);
  ASSERT_TRUE(os::move_cursor(file, 6ull << 30));
  EXPECT_EQ(os::cursor(file), 6ull << 30);
}

TEST_F(OsFile, links_are_read) {
  ASSERT_EQ(::symlink("some/where", folder_.file("link").c_str()), 0);
  EXPECT_EQ(os::read_link(folder_.file("link")), "some/where");
  write_text(folder_.file("file"), "");
  const auto none = os::read_link(folder_.file("file"));
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().is(EINVAL));
}

TEST_F(OsFile, a_nameless_file_gets_a_name) {
  const auto file = os::create_nameless(place_, 0600);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(folder_.listing(), "");
  ASSERT_TRUE(os::can_link_nameless(*file));
  ASSERT_TRUE(os::link_nameless(*file, place_, "name"));
  EXPECT_EQ(folder_.listing(), "name");
  const auto taken = os::link_nameless(*file, place_, "name");
  ASSERT_FALSE(taken);
  EXPECT_TRUE(taken.error().is(EEXIST));
}

TEST_F(OsFile, a_new_file_is_new) {
  const auto file = os::create_new(place_, "name", 0600);
  ASSERT_TRUE(file);
  const auto again = os::create_new(place_, "name", 0600);
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(EEXIST));
}

TEST_F(OsFile, renaming_replaces_and_unlinking_removes) {
  write_text(folder_.file("old"), "old");
  write_text(folder_.file("new"), "new");
  ASSERT_TRUE(os::rename(place_, "new", "old"));
  EXPECT_EQ(folder_.listing(), "old");
  EXPECT_EQ(text_of(folder_.file("old")), "new");
  EXPECT_TRUE(os::sync_folder(place_));
  ASSERT_TRUE(os::unlink(place_, "old"));
  EXPECT_EQ(folder_.listing(), "");
  EXPECT_FALSE(os::unlink(place_, "old"));
}

TEST_F(OsFile, size_mode_and_owner_are_set) {
  const OwnedFd file = file_with({});
  ASSERT_TRUE(os::set_size(file, 5ull << 30));
  EXPECT_EQ(size_of(file), 5ull << 30);
  ASSERT_TRUE(os::set_mode(file, 0644));
  EXPECT_EQ(os::stat(file)->mode, 0644u);
  EXPECT_TRUE(os::set_owner(file, ::geteuid(), ::getegid()));
}

}  // namespace
}  // namespace leat::testing
