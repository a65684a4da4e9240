/// Goal: limits are called low where they hinder leat, and the command would put that right.
/// Method: values at and beside each threshold, values that are none, users who are exempt.
#include "probe/limits.h"

#include <cerrno>
#include <system_error>

#include <gtest/gtest.h>

namespace leat::app::probe {
namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t unlimited = os::ResourceLimit::unlimited;

Result<std::string> hidden() {
  return std::unexpected(
      Error{std::error_code(EACCES, std::generic_category()), "open", {}, "/proc/sys/x", {}});
}

TEST(JudgeLockedMemory, IsLowBelowWhatAContextLends) {
  EXPECT_EQ(judge_locked_memory({unlimited, unlimited}, false).verdict, Verdict::yes);
  EXPECT_EQ(judge_locked_memory({64 * mib, 64 * mib}, false).verdict, Verdict::yes);
  const Finding low = judge_locked_memory({64 * mib - 1, unlimited}, false);
  EXPECT_EQ(low.verdict, Verdict::limited);
  EXPECT_EQ(low.remedy, "ulimit -l 65536");
  EXPECT_EQ(low.detail.find("root"), std::string::npos) << low.detail;
  EXPECT_NE(judge_locked_memory({0, 8 * mib}, false).detail.find("root"), std::string::npos);
  EXPECT_EQ(judge_locked_memory({0, 0}, true).verdict, Verdict::yes);
}

TEST(JudgeOpenFiles, IsLowAtTheUsualDefault) {
  EXPECT_EQ(judge_open_files({4096, 4096}).verdict, Verdict::yes);
  EXPECT_EQ(judge_open_files({unlimited, unlimited}).verdict, Verdict::yes);
  EXPECT_EQ(judge_open_files({1024, 1048576}).verdict, Verdict::limited);
  EXPECT_EQ(judge_open_files({1024, 1048576}).remedy, "ulimit -n 4096");
}

TEST(JudgeOptmem, IsLowBelowTheKernelsDefault) {
  EXPECT_EQ(judge_optmem("131072").verdict, Verdict::yes);
  EXPECT_EQ(judge_optmem("20480").verdict, Verdict::limited);
  EXPECT_EQ(judge_optmem("20480").remedy, "sysctl -w net.core.optmem_max=131072");
}

TEST(JudgePipes, AreLowBelowWhatSpliceAsksFor) {
  EXPECT_EQ(judge_pipe_size("1048576", false).verdict, Verdict::yes);
  EXPECT_EQ(judge_pipe_size("1048575", false).verdict, Verdict::limited);
  EXPECT_EQ(judge_pipe_size("1048575", true).verdict, Verdict::yes);
  EXPECT_EQ(judge_pipe_size("4096", false).remedy, "sysctl -w fs.pipe-max-size=1048576");
  EXPECT_EQ(judge_pipe_pages("0", false).verdict, Verdict::yes);
  EXPECT_EQ(judge_pipe_pages("16384", false).verdict, Verdict::yes);
  EXPECT_EQ(judge_pipe_pages("16383", false).verdict, Verdict::limited);
  EXPECT_EQ(judge_pipe_pages("1", true).verdict, Verdict::yes);
  EXPECT_EQ(judge_pipe_pages("1", false).remedy, "sysctl -w fs.pipe-user-pages-soft=16384");
}

TEST(JudgeParanoia, FollowsTheLevel) {
  EXPECT_EQ(judge_paranoia("-1", false).verdict, Verdict::yes);
  EXPECT_EQ(judge_paranoia("1", false).verdict, Verdict::yes);
  EXPECT_EQ(judge_paranoia("2", false).verdict, Verdict::limited);
  EXPECT_EQ(judge_paranoia("3", false).verdict, Verdict::no);
  EXPECT_EQ(judge_paranoia("3", false).remedy, "sysctl -w kernel.perf_event_paranoid=1");
  EXPECT_EQ(judge_paranoia("3", true).verdict, Verdict::yes);
}

TEST(JudgeHiddenAddresses, AreHiddenFromEverybodyAtTwo) {
  EXPECT_EQ(judge_hidden_addresses("0", false).verdict, Verdict::yes);
  EXPECT_EQ(judge_hidden_addresses("1", true).verdict, Verdict::yes);
  EXPECT_EQ(judge_hidden_addresses("1", false).verdict, Verdict::limited);
  EXPECT_EQ(judge_hidden_addresses("2", true).verdict, Verdict::limited);
  EXPECT_EQ(judge_hidden_addresses("2", true).remedy, "sysctl -w kernel.kptr_restrict=0");
}

TEST(JudgeSettings, WhatIsNoNumberOrHiddenIsUnknown) {
  for (const Result<std::string>& setting :
       {hidden(), Result<std::string>(""), Result<std::string>("12x"),
        Result<std::string>("99999999999999999999")}) {
    for (const Finding& finding :
         {judge_optmem(setting), judge_pipe_size(setting, true), judge_pipe_pages(setting, true),
          judge_paranoia(setting, true), judge_hidden_addresses(setting, true)}) {
      EXPECT_EQ(finding.verdict, Verdict::unknown) << finding.name;
      EXPECT_EQ(finding.remedy, "") << finding.name;
      EXPECT_FALSE(finding.detail.empty()) << finding.name;
    }
  }
  EXPECT_EQ(judge_optmem(hidden()).detail, "cannot read /proc/sys/x (EACCES)");
}

}  // namespace
}  // namespace leat::app::probe
