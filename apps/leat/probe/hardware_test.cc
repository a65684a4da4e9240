/// Goal: what /sys does not have is told from what a sandbox hides. Method: contents made up.
#include "probe/hardware.h"

#include <cerrno>
#include <system_error>

#include <gtest/gtest.h>

namespace leat::app::probe {
namespace {

Error missing(int number = ENOENT) {
  return {std::error_code(number, std::generic_category()), "open", {}, "/sys/x", {}};
}

TEST(JudgeHardware, WhatIsMissingInAFolderThatIsShownIsNotThere) {
  EXPECT_EQ(judge_no_rdma(std::unexpected(missing()), Folder::shown).verdict, Verdict::no);
  EXPECT_EQ(judge_nodes(std::unexpected(missing()), Folder::shown).verdict, Verdict::no);
  EXPECT_EQ(judge_no_huge_pages(std::unexpected(missing()), Folder::shown).verdict, Verdict::no);
  EXPECT_EQ(judge_transparent(std::unexpected(missing()), Folder::shown).verdict, Verdict::no);
}

TEST(JudgeHardware, WhatIsHiddenIsUnknown) {
  for (const Finding& finding : {judge_no_rdma(std::unexpected(missing()), Folder::hidden),
                                 judge_nodes(std::unexpected(missing()), Folder::hidden),
                                 judge_no_huge_pages(std::unexpected(missing()), Folder::hidden),
                                 judge_transparent(std::unexpected(missing()), Folder::hidden),
                                 judge_no_rdma(std::unexpected(missing()), Folder::hidden)}) {
    EXPECT_EQ(finding.verdict, Verdict::unknown) << finding.name;
    EXPECT_EQ(finding.detail, "cannot read /sys/x (ENOENT)") << finding.name;
  }
  EXPECT_EQ(judge_nodes(std::unexpected(missing(EACCES)), Folder::shown).verdict, Verdict::unknown);
}

TEST(JudgeRdma, APortThatIsDownIsLimited) {
  EXPECT_EQ(judge_no_rdma(std::vector<std::string>{}, Folder::shown).verdict, Verdict::no);
  const Finding active = judge_rdma("mlx5_0", "4: ACTIVE", "InfiniBand");
  EXPECT_EQ(active.verdict, Verdict::yes);
  EXPECT_EQ(active.name, "RDMA mlx5_0");
  EXPECT_EQ(judge_rdma("mlx5_0", "1: DOWN", "Ethernet").verdict, Verdict::limited);
  EXPECT_EQ(judge_rdma("mlx5_0", std::unexpected(missing()), "Ethernet").verdict, Verdict::unknown);
}

TEST(JudgeNodes, AreCounted) {
  const auto begins = [](const char* list, std::string_view words) {
    return judge_nodes(list, Folder::shown).detail.starts_with(words);
  };
  EXPECT_TRUE(begins("0", "1:"));
  EXPECT_TRUE(begins("0-1", "2 (0-1)"));
  EXPECT_TRUE(begins("0-1,4,6-7", "5 (0-1,4,6-7)"));
  for (const char* wrong : {"", "x", "1-", "3-1", "-"}) {
    EXPECT_EQ(judge_nodes(wrong, Folder::shown).verdict, Verdict::unknown) << wrong;
  }
}

TEST(JudgeHugePages, AreReservedOrNot) {
  const Finding some = judge_huge_pages("hugepages-2048kB", "8", "3");
  EXPECT_EQ(some.verdict, Verdict::yes);
  EXPECT_EQ(some.detail, "8 reserved, 3 free");
  const Finding none = judge_huge_pages("hugepages-2048kB", "0", "0");
  EXPECT_EQ(none.verdict, Verdict::no);
  EXPECT_EQ(none.name, "huge pages 2.00 MiB");
  EXPECT_EQ(none.remedy, "") << "leat asks for transparent ones only";
  EXPECT_EQ(judge_huge_pages("odd", "0", "0").name, "huge pages odd");
  EXPECT_EQ(judge_huge_pages("odd", "x", "0").verdict, Verdict::unknown);
  EXPECT_EQ(judge_huge_pages("odd", std::unexpected(missing()), "0").verdict, Verdict::unknown);
}

TEST(JudgeTransparent, TheChoiceInBracketsCounts) {
  EXPECT_EQ(judge_transparent("[always] madvise never", Folder::shown).verdict, Verdict::yes);
  EXPECT_EQ(judge_transparent("always [madvise] never", Folder::shown).verdict, Verdict::yes);
  const Finding never = judge_transparent("always madvise [never]", Folder::shown);
  EXPECT_EQ(never.verdict, Verdict::no);
  EXPECT_EQ(never.remedy, "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
  EXPECT_EQ(judge_transparent("always", Folder::shown).verdict, Verdict::unknown);
}

}  // namespace
}  // namespace leat::app::probe
