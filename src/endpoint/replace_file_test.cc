// Goal: a replaced file appears whole or not at all, keeps what it had, and leaves nothing behind
// (pitfall 36). Method: real folders, with and without O_TMPFILE; errors through the seam; a tmpfs
// that is full. (tests/faults disturbs every single call.)

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/endpoint.h>

#include "os/stream.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

void write_to(const FileReplacement& file, std::string_view text) {
  ASSERT_EQ(os::pwrite(file.fd(), std::as_bytes(std::span(text)), 0), text.size());
}

struct stat stat_of(const std::string& path) {
  struct stat stat{};
  EXPECT_EQ(::stat(path.c_str(), &stat), 0) << path;
  return stat;
}

/// With nameless files, or with named ones as where the file system has none.
class ReplaceFile : public GuardedTest, public ::testing::WithParamInterface<bool> {
 protected:
  ReplaceFile() {
    if (GetParam()) return;
    // Every O_TMPFILE is the second openat(2) or later: they are told apart by their folder's fd
    // only, so the check of /proc, which only nameless files need, is what fails.
    without_proc_.emplace(
        std::vector<FaultPlan>{{.call = "access", .times = always, .error_number = ENOENT}});
  }
  Result<FileReplacement> begin(std::optional<unsigned> mode = std::nullopt,
                                Durability durability = Durability::none) {
    return FileReplacement::begin(path_, mode, durability);
  }
  void expect_only(std::string_view content) {
    EXPECT_EQ(text_of(path_), content);
    EXPECT_EQ(folder_.listing(), "file");
  }

  Folder folder_;
  std::string path_ = folder_.file("file");
  std::optional<ScopedFaults> without_proc_;
};

INSTANTIATE_TEST_SUITE_P(with, ReplaceFile, ::testing::Bool(), [](const auto& each) {
  return std::string(each.param ? "nameless_files" : "named_files");
});

TEST_P(ReplaceFile, appears_on_commit_and_not_before) {
  auto file = begin();
  ASSERT_TRUE(file) << file.error().message();
  write_to(*file, "new");
  EXPECT_FALSE(folder_.listing().contains("file ") || folder_.listing() == "file");
  EXPECT_EQ(folder_.listing().empty(), GetParam()) << "is this the way that is to be tested?";
  ASSERT_TRUE(file->commit());
  expect_only("new");
}

TEST_P(ReplaceFile, replaces_what_was_there_at_once) {
  write_text(path_, "old content");
  auto file = begin();
  ASSERT_TRUE(file);
  write_to(*file, "new");
  EXPECT_EQ(text_of(path_), "old content");
  ASSERT_TRUE(file->commit());
  expect_only("new");
}

TEST_P(ReplaceFile, discards_what_was_not_committed) {
  write_text(path_, "old content");
  {
    auto file = begin();
    ASSERT_TRUE(file);
    write_to(*file, "new");
    FileReplacement moved = std::move(*file);
  }
  expect_only("old content");
}

TEST_P(ReplaceFile, assigning_discards_the_one_before) {
  auto first = begin();
  ASSERT_TRUE(first);
  auto second = FileReplacement::begin(folder_.file("other"));
  ASSERT_TRUE(second);
  *first = std::move(*second);
  ASSERT_TRUE(first->commit());
  EXPECT_EQ(folder_.listing(), "other");
}

TEST_P(ReplaceFile, a_new_file_has_the_mode_asked_for_less_the_umask) {
  const mode_t before = ::umask(027);
  for (const auto& [asked, expected] :
       {std::pair<std::optional<unsigned>, unsigned>{std::nullopt, 0640}, {0755, 0750}}) {
    ::unlink(path_.c_str());
    auto file = begin(asked);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->commit());
    EXPECT_EQ(stat_of(path_).st_mode & 07777u, expected);
  }
  ::umask(before);
}

TEST_P(ReplaceFile, an_existing_file_keeps_its_mode) {
  write_text(path_, "old");
  ASSERT_EQ(::chmod(path_.c_str(), 06751), 0);
  auto file = begin(0600);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(stat_of(path_).st_mode & 07777u, 06751u);
}

TEST_P(ReplaceFile, an_existing_file_keeps_its_owner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  write_text(path_, "old");
  ASSERT_EQ(::chown(path_.c_str(), 1234, 4321), 0);
  ASSERT_EQ(::chmod(path_.c_str(), 04755), 0);
  auto file = begin();
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(stat_of(path_).st_uid, 1234u);
  EXPECT_EQ(stat_of(path_).st_gid, 4321u);
  EXPECT_EQ(stat_of(path_).st_mode & 07777u, 04755u) << "chown(2) takes the set-user-ID bit away";
}

TEST_P(ReplaceFile, an_owner_that_cannot_be_kept_is_an_error) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  write_text(path_, "old");
  ASSERT_EQ(::chown(path_.c_str(), 1234, 4321), 0);
  {
    const ScopedFaults faults(
        {{.call = "fchown", .error_number = EPERM},
         {.call = "access", .times = always, .error_number = GetParam() ? 0 : ENOENT}});
    const auto file = begin();
    ASSERT_FALSE(file);
    EXPECT_TRUE(file.error().is(EPERM));
    EXPECT_EQ(file.error().subject, path_);
    EXPECT_FALSE(file.error().hint.empty());
  }
  expect_only("old");
}

TEST_P(ReplaceFile, a_link_is_followed_and_stays) {
  ASSERT_EQ(::mkdir(folder_.file("sub").c_str(), 0700), 0);
  write_text(folder_.file("sub/target"), "old");
  ASSERT_EQ(::symlink("sub/hop", path_.c_str()), 0);
  ASSERT_EQ(::symlink("target", folder_.file("sub/hop").c_str()), 0);
  auto file = begin();
  ASSERT_TRUE(file) << file.error().message();
  write_to(*file, "new");
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(text_of(folder_.file("sub/target")), "new");
  struct stat link{};
  ASSERT_EQ(::lstat(path_.c_str(), &link), 0);
  EXPECT_TRUE(S_ISLNK(link.st_mode));
  EXPECT_EQ(folder_.listing(), "file sub");
}

TEST_P(ReplaceFile, a_dangling_link_gets_its_target) {
  ASSERT_EQ(::symlink(folder_.file("target").c_str(), path_.c_str()), 0);
  auto file = begin();
  ASSERT_TRUE(file) << file.error().message();
  write_to(*file, "new");
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(text_of(folder_.file("target")), "new");
  EXPECT_EQ(folder_.listing(), "file target");
}

TEST_P(ReplaceFile, a_ring_of_links_is_an_error) {
  ASSERT_EQ(::symlink("other", path_.c_str()), 0);
  ASSERT_EQ(::symlink("file", folder_.file("other").c_str()), 0);
  const auto file = begin();
  ASSERT_FALSE(file);
  EXPECT_TRUE(file.error().is(ELOOP));
}

TEST_P(ReplaceFile, a_file_with_other_names_is_refused) {
  write_text(path_, "old");
  ASSERT_EQ(::link(path_.c_str(), folder_.file("other").c_str()), 0);
  const auto file = begin();
  ASSERT_FALSE(file);
  EXPECT_TRUE(file.error().is(Errc::has_several_links));
  EXPECT_EQ(folder_.listing(), "file other");
}

TEST_P(ReplaceFile, only_regular_files_are_replaced) {
  const auto folder = FileReplacement::begin(folder_.path());
  ASSERT_FALSE(folder);
  EXPECT_TRUE(folder.error().is(Errc::is_directory));
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const auto fifo = begin();
  ASSERT_FALSE(fifo);
  EXPECT_TRUE(fifo.error().is(Errc::unsupported_kind));
  const auto nowhere = FileReplacement::begin(folder_.file("no/where"));
  ASSERT_FALSE(nowhere);
  EXPECT_TRUE(nowhere.error().is(ENOENT));
}

TEST_P(ReplaceFile, an_error_on_the_way_to_the_name_leaves_the_old) {
  for (const std::string_view call : {"fsync", "linkat", "renameat"}) {
    if (call == "linkat" && !GetParam()) continue;
    SCOPED_TRACE(call);
    write_text(path_, "old");
    {
      auto file = begin(std::nullopt, Durability::full);
      ASSERT_TRUE(file);
      write_to(*file, "new");
      const ScopedFaults faults({{.call = call, .error_number = EIO}});
      const auto committed = file->commit();
      ASSERT_FALSE(committed);
      EXPECT_TRUE(committed.error().is(EIO));
      EXPECT_EQ(committed.error().subject, path_);
    }
    expect_only("old");
  }
}

TEST_P(ReplaceFile, durability_syncs_the_file_before_its_name_and_then_the_folder) {
  struct Expected {
    Durability durability;
    std::uint64_t fdatasyncs;
    std::uint64_t fsyncs;
  };
  for (const Expected& expected :
       {Expected{Durability::none, 0, 0}, Expected{Durability::full, 0, 2}}) {
    auto file = begin(std::nullopt, expected.durability);
    ASSERT_TRUE(file);
    std::string before_rename;
    ScopedFaults* seen = nullptr;
    ScopedFaults faults({{.call = "renameat",
                          .before = [&] { before_rename = std::to_string(seen->seen("fsync")); }}});
    seen = &faults;
    ASSERT_TRUE(file->commit());
    EXPECT_EQ(faults.seen("fdatasync"), expected.fdatasyncs);
    EXPECT_EQ(faults.seen("fsync"), expected.fsyncs);
    EXPECT_EQ(before_rename, std::to_string(expected.fsyncs / 2));
  }
  auto file = begin(std::nullopt, Durability::data);
  ASSERT_TRUE(file);
  const ScopedFaults faults;
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(faults.seen("fdatasync"), 1u);
}

TEST_P(ReplaceFile, a_temporary_name_that_is_taken_is_passed_over) {
  auto first = begin();
  ASSERT_TRUE(first);
  auto second = begin();
  ASSERT_TRUE(second);
  write_to(*first, "first");
  write_to(*second, "second");
  {
    // A name that somebody else left is in the way of the link.
    const ScopedFaults faults({{.call = "linkat", .error_number = EEXIST}});
    ASSERT_TRUE(first->commit());
  }
  ASSERT_TRUE(second->commit());
  expect_only("second");
}

TEST_P(ReplaceFile, a_folder_without_permission_says_so) {
  const ScopedFaults faults({{.call = "openat", .times = always, .error_number = EACCES}});
  const auto file = begin();
  ASSERT_FALSE(file);
  EXPECT_TRUE(file.error().is(EACCES));
  EXPECT_EQ(file.error().subject, path_);
  EXPECT_FALSE(file.error().hint.empty());
}

TEST_P(ReplaceFile, a_name_in_the_current_folder_will_do) {
  std::string before(4096, '\0');
  ASSERT_NE(::getcwd(before.data(), before.size()), nullptr);
  ASSERT_EQ(::chdir(folder_.path().c_str()), 0);
  auto file = FileReplacement::begin("file");
  EXPECT_EQ(::chdir(before.c_str()), 0);
  ASSERT_TRUE(file);
  write_to(*file, "new");
  ASSERT_TRUE(file->commit()) << "the folder is held, wherever the program goes";
  expect_only("new");
}

// A name that others may open, before the mode of the old file is set on it, opens a secret.
TEST(ReplacePrivateFile, is_private_from_the_first_where_no_file_is_nameless) {
  const Folder folder;
  const std::string path = folder.file("file");
  write_text(path, "old secret");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  std::vector<unsigned> modes;
  const auto look = [&] {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      if (entry.path().filename() != "file")
        modes.push_back(stat_of(entry.path().string()).st_mode & 07777u);
    }
  };
  const mode_t before = ::umask(0);
  {
    const ScopedFaults faults({{.call = "openat", .error_number = EOPNOTSUPP},
                               {.call = "fchown", .before = look},
                               {.call = "fchmod", .before = look}});
    auto file = FileReplacement::begin(path);
    ASSERT_TRUE(file) << file.error().message();
    look();
    write_to(*file, "new secret");
    EXPECT_TRUE(file->commit());
  }
  ::umask(before);
  EXPECT_GE(modes.size(), 2u) << "is there no temporary file, or is its mode set in another way?";
  for (const unsigned mode : modes) EXPECT_EQ(mode, 0600u);
  EXPECT_EQ(stat_of(path).st_mode & 07777u, 0600u);
  EXPECT_EQ(text_of(path), "new secret");
}

/// A tmpfs of a few pages, seen by this process's mount namespace only while it lives.
class TinyTmpfs {
 public:
  explicit TinyTmpfs(const std::string& at) : at_(at) {
    if (::mount("leat-test", at.c_str(), "tmpfs", 0, "size=64k,mode=0700") != 0)
      why_not_ = std::strerror(errno);
  }
  ~TinyTmpfs() {
    if (why_not_.empty()) ::umount2(at_.c_str(), MNT_DETACH);
  }
  TinyTmpfs(const TinyTmpfs&) = delete;
  TinyTmpfs& operator=(const TinyTmpfs&) = delete;
  const std::string& why_not() const { return why_not_; }

 private:
  std::string at_;
  std::string why_not_;
};

TEST_P(ReplaceFile, a_full_file_system_keeps_the_old) {
  const TinyTmpfs tiny(folder_.path());
  if (!tiny.why_not().empty()) GTEST_SKIP() << "no tmpfs can be mounted here: " << tiny.why_not();
  write_text(path_, "old");
  {
    auto file = begin();
    ASSERT_TRUE(file);
    const std::string large(1 << 20, 'x');
    std::uint64_t offset = 0;
    auto written = os::pwrite(file->fd(), std::as_bytes(std::span(large)), offset);
    while (written) {
      offset += *written;
      written = os::pwrite(file->fd(), std::as_bytes(std::span(large)), offset);
    }
    EXPECT_TRUE(written.error().is(ENOSPC)) << written.error().message();
  }
  expect_only("old");
}

}  // namespace
}  // namespace leat::testing
