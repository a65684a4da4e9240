/// Goal: every file system is asked once, where it may be written to, and its answers read well.
/// Method: tables of mounts and answers made up; the real one of this host.
#include "probe/file_systems.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>

#include <gtest/gtest.h>

#include "os/file_system_child.h"

namespace leat::app::probe {
namespace {

os::Mount mount(std::string kind, std::string folder, std::string device, bool read_only = false) {
  return {.kind = std::move(kind),
          .folder = std::move(folder),
          .device = std::move(device),
          .source = "/dev/x",
          .read_only = read_only};
}

Error error_of(int number, std::string_view operation = "the call") {
  return {std::error_code(number, std::generic_category()), operation, {}, {}, {}};
}

std::string fact(const Finding& finding, std::string_view name) {
  for (const Fact& one : finding.facts) {
    if (one.name == name) return one.value;
  }
  return "missing";
}

TEST(FileSystemsOf, BindMountsAreOneAndTheWritablePlaceIsFirst) {
  const auto all = file_systems_of({mount("ext4", "/ro", "8:1", true), mount("ext4", "/rw", "8:1"),
                                    mount("ext4", "/again", "8:1"), mount("xfs", "/x", "8:2")},
                                   {});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].mount.folder, "/rw");
  EXPECT_FALSE(all[0].mount.read_only);
  EXPECT_EQ(all[0].folders, (std::vector<std::string>{"/rw", "/ro", "/again"}));
}

TEST(FileSystemsOf, WhatHoldsNoFilesIsLeftOut) {
  EXPECT_TRUE(file_systems_of({mount("proc", "/proc", "0:1"), mount("tmpfs", "/proc/acpi", "0:2"),
                               mount("tmpfs", "/sys/fs/cgroup", "0:3"),
                               mount("cgroup2", "/c", "0:4"), mount("devpts", "/d", "0:5")},
                              {})
                  .empty());
}

TEST(FileSystemsOf, WhatIsCoveredIsLeftOut) {
  const auto all = file_systems_of({mount("ext4", "/", "8:1"), mount("tmpfs", "/a", "0:1"),
                                    mount("ext4", "/a/b", "8:2"), mount("xfs", "/a", "8:3")},
                                   {});
  ASSERT_EQ(all.size(), 3u);
  for (const FileSystem& one : all) EXPECT_NE(one.mount.kind, "tmpfs");
}

TEST(FileSystemsOf, FoldersOfAUserGoToTheFileSystemThatHasThem) {
  const std::vector<os::Mount> mounts{mount("ext4", "/", "8:1"), mount("tmpfs", "/tmp", "0:1"),
                                      mount("xfs", "/ro", "8:2", true)};
  const auto all = file_systems_of(mounts, {"/home/x", "/tmp/y", "/tmpfile", "/ro/z"});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].folders, (std::vector<std::string>{"/", "/home/x", "/tmpfile"}));
  EXPECT_EQ(all[1].folders, (std::vector<std::string>{"/tmp", "/tmp/y"}));
  EXPECT_EQ(all[2].folders, (std::vector<std::string>{"/ro"}));
}

TEST(FileSystemsOf, WritableOnesComeFirst) {
  const auto all =
      file_systems_of({mount("squashfs", "/s", "7:1", true), mount("ext4", "/", "8:1")}, {});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].mount.kind, "ext4");
}

os::FileSystemAnswers everything() {
  os::FileSystemAnswers answers;
  answers.reflink = Result<void>{};
  answers.holes = true;
  answers.nowait = Result<void>{};
  answers.direct = os::DirectAlignment{.told = true, .memory_bytes = 4, .offset_bytes = 512};
  return answers;
}

TEST(JudgeFileSystem, AllOfIt) {
  const Finding finding = judge_file_system(mount("xfs", "/x", "8:1"), everything());
  EXPECT_EQ(finding.verdict, Verdict::yes);
  EXPECT_EQ(finding.name, "/x");
  EXPECT_EQ(finding.detail,
            "xfs on /dev/x: reflink, direct I/O aligned to 512 B (4 B in memory), holes seen, "
            "RWF_NOWAIT");
  EXPECT_EQ(fact(finding, "type"), "xfs");
  EXPECT_EQ(fact(finding, "reflink"), "yes");
  EXPECT_EQ(fact(finding, "direct_io_offset"), "512");
}

TEST(JudgeFileSystem, WhatIsRefusedIsNamed) {
  os::FileSystemAnswers answers = everything();
  answers.reflink = std::unexpected(error_of(EOPNOTSUPP));
  answers.direct = os::DirectAlignment{.told = true, .memory_bytes = 0, .offset_bytes = 0};
  answers.holes = false;
  answers.nowait = std::unexpected(error_of(EOPNOTSUPP));
  const Finding finding = judge_file_system(mount("vfat", "/v", "8:1"), answers);
  EXPECT_EQ(finding.verdict, Verdict::limited);
  for (const char* name : {"reflink", "direct_io", "holes", "nowait"}) {
    EXPECT_EQ(fact(finding, name), "no") << name;
  }
  EXPECT_NE(finding.detail.find("no reflink,"), std::string::npos) << finding.detail;
}

TEST(JudgeFileSystem, AFullDiskDeniesNothing) {
  os::FileSystemAnswers answers = everything();
  answers.reflink = std::unexpected(error_of(ENOSPC));
  const Finding finding = judge_file_system(mount("btrfs", "/b", "8:1"), answers);
  EXPECT_EQ(fact(finding, "reflink"), "unknown");
}

TEST(JudgeFileSystem, WhatCannotBeWrittenToIsNotProbed) {
  os::FileSystemAnswers answers;
  answers.no_file = error_of(EACCES, "open O_TMPFILE");
  answers.direct = os::DirectAlignment{.told = true, .memory_bytes = 4, .offset_bytes = 512};
  const Finding finding = judge_file_system(mount("ext4", "/", "8:1"), answers);
  EXPECT_EQ(finding.detail,
            "ext4 on /dev/x: direct I/O aligned to 512 B (4 B in memory); not writable here "
            "(EACCES): not probed by writing");
  EXPECT_EQ(fact(finding, "reflink"), "unknown");
  answers.direct.reset();
  EXPECT_EQ(judge_file_system(mount("ext4", "/", "8:1"), answers).verdict, Verdict::unknown);
  EXPECT_NE(judge_file_system(mount("ext4", "/", "8:1", true), answers).detail.find("read-only"),
            std::string::npos);
}

TEST(JudgeFileSystem, WhatDoesNotAnswerIsUnknown) {
  EXPECT_EQ(
      judge_file_system(mount("ext4", "/", "8:1"), std::unexpected(error_of(ETIMEDOUT))).verdict,
      Verdict::unknown);
  EXPECT_NE(judge_file_system(mount("ext4", "/", "8:1"), std::unexpected(error_of(EAGAIN, "fork")))
                .detail.find("fork answers EAGAIN"),
            std::string::npos);
  EXPECT_NE(not_asked(mount("nfs4", "/n", "0:9")).detail.find("not asked: may hang"),
            std::string::npos);
}

TEST(AskFileSystem, ATemporaryFolderAnswersAndNothingIsLeftThere) {
  std::string folder = ::testing::TempDir() + "leat-XXXXXX";
  ASSERT_TRUE(::mkdtemp(folder.data()));
  const os::FileSystemAnswers answers = os::ask_file_system({.folders = {folder}});
  EXPECT_EQ(::rmdir(folder.c_str()), 0) << "something was left in " << folder;
  if (answers.no_file && answers.no_file->is(EOPNOTSUPP)) {
    GTEST_SKIP() << "no files without a name here";
  }
  ASSERT_FALSE(answers.no_file) << answers.no_file->message();
  EXPECT_TRUE(answers.reflink && answers.holes && answers.nowait && answers.direct);
}

TEST(AskFileSystem, AFolderOfAnotherFileSystemDoesNotAnswerForThis) {
  const os::FileSystemAnswers answers =
      os::ask_file_system({.folders = {"/proc", ::testing::TempDir()}});
  ASSERT_TRUE(answers.no_file);
  EXPECT_FALSE(answers.reflink);
}

TEST(AskFileSystem, AMountBeneathAnotherIsNotAskedByItsName) {
  const os::FileSystemAnswers answers =
      os::ask_file_system({.folders = {::testing::TempDir()}, .mount_id = ~std::uint64_t{0}});
  if (!answers.no_file || !answers.no_file->is(ESTALE)) {
    GTEST_SKIP() << "this kernel does not tell mounts apart";
  }
  EXPECT_FALSE(answers.direct || answers.holes || answers.reflink);
  EXPECT_NE(judge_file_system(mount("ext4", "/", "8:1"), answers).detail.find("beneath another"),
            std::string::npos);
}

TEST(AskFileSystemUntil, AChildTellsTheSame) {
  const os::Places places{.folders = {::testing::TempDir()}};
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  const auto told = os::ask_file_system_until(places, end);
  ASSERT_TRUE(told);
  const os::FileSystemAnswers asked = os::ask_file_system(places);
  const auto here = mount("ext4", "/", "8:1");
  EXPECT_EQ(judge_file_system(here, told).detail, judge_file_system(here, asked).detail);
  EXPECT_EQ(judge_file_system(here, told).facts, judge_file_system(here, asked).facts);
}

TEST(AskFileSystemUntil, AnErrorKeepsItsErrnoAndItsCall) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  const auto told = os::ask_file_system_until({.folders = {"/proc"}}, end);
  ASSERT_TRUE(told);
  ASSERT_TRUE(told->no_file);
  EXPECT_EQ(told->no_file->operation, "open O_TMPFILE");
  EXPECT_EQ(told->no_file->code, os::ask_file_system({.folders = {"/proc"}}).no_file->code);
}

TEST(AskFileSystemUntil, TheDeadlineEndsIt) {
  const auto past = std::chrono::steady_clock::now() - std::chrono::minutes(1);
  // The child may have been quicker than the look at the clock; that it ends is what counts.
  const auto told = os::ask_file_system_until({.folders = {::testing::TempDir()}}, past);
  EXPECT_TRUE(told || told.error().is(ETIMEDOUT));
}

}  // namespace
}  // namespace leat::app::probe
