/// Goal: each answer of the kernel becomes the right verdict, names who denies it only where that
/// is known, and offers a command only where it would help. Method: answers and settings made up.
#include "probe/kernel_features.h"

#include <cerrno>
#include <string_view>
#include <system_error>

#include <gtest/gtest.h>

namespace leat::app::probe {
namespace {

using Operations = std::vector<os::RingOperation>;

Error error_of(int number, std::string_view operation = "the call", std::string subject = {}) {
  return {std::error_code(number, std::generic_category()), operation, {}, std::move(subject), {}};
}

Result<void> refused(int number, std::string_view operation = "the call") {
  return std::unexpected(error_of(number, operation));
}

Result<std::string> hidden(std::string path) {
  return std::unexpected(error_of(ENOENT, "open", std::move(path)));
}

Result<Operations> ring_refused(int number, std::string_view operation = "io_uring_setup") {
  return std::unexpected(error_of(number, operation));
}

bool says(const Finding& finding, std::string_view words) {
  return finding.detail.find(words) != std::string::npos;
}

TEST(JudgeRing, ThereIsOne) {
  const Finding finding = judge_ring(Operations{{"READ", true}}, {.disabled = "0"});
  EXPECT_EQ(finding.verdict, Verdict::yes);
  EXPECT_EQ(finding.remedy, "");
}

TEST(JudgeRing, TheSysctlThatDeniesAllIsNamedWithItsRemedy) {
  const Finding finding = judge_ring(ring_refused(EPERM), {.disabled = "2", .filter = true});
  EXPECT_EQ(finding.verdict, Verdict::no);
  EXPECT_TRUE(says(finding, "kernel.io_uring_disabled is 2")) << finding.detail;
  EXPECT_EQ(finding.remedy, "sysctl -w kernel.io_uring_disabled=0");
}

TEST(JudgeRing, TheGroupThatMayIsOffered) {
  const Finding finding = judge_ring(ring_refused(EPERM), {.disabled = "1", .own_group = 4711});
  EXPECT_EQ(finding.verdict, Verdict::no);
  EXPECT_EQ(finding.remedy, "sysctl -w kernel.io_uring_group=4711");
}

TEST(JudgeRing, AFilterIsNamedAndNoSysctlOffered) {
  for (const int number : {EPERM, ENOSYS, EACCES}) {
    const Finding finding = judge_ring(ring_refused(number), {.disabled = "0", .filter = true});
    EXPECT_EQ(finding.verdict, Verdict::no);
    EXPECT_TRUE(says(finding, "seccomp")) << finding.detail;
    EXPECT_EQ(finding.remedy, "");
  }
}

TEST(JudgeRing, ASysctlIsNotBlamedForALaterCall) {
  const Finding finding =
      judge_ring(ring_refused(EPERM, "io_uring_enter"), {.disabled = "2", .filter = true});
  EXPECT_TRUE(says(finding, "io_uring_enter")) << finding.detail;
  EXPECT_EQ(finding.remedy, "");
}

TEST(JudgeRing, WithoutAFilterTheKernelHasNone) {
  const Finding finding = judge_ring(ring_refused(ENOSYS), {.disabled = "0", .filter = false});
  EXPECT_TRUE(says(finding, "this kernel has no io_uring_setup")) << finding.detail;
  EXPECT_FALSE(says(finding, "seccomp")) << finding.detail;
}

TEST(JudgeRing, ASettingThatCannotBeReadIsSaid) {
  const Finding finding =
      judge_ring(ring_refused(EPERM), {.disabled = hidden("/proc/sys/x"), .filter = false});
  EXPECT_EQ(finding.verdict, Verdict::no);
  EXPECT_TRUE(says(finding, "cannot read /proc/sys/x (ENOENT)")) << finding.detail;
}

TEST(JudgeRing, NoMemoryIsALimit) {
  const Finding finding = judge_ring(ring_refused(ENOMEM), {.disabled = "0", .filter = false});
  EXPECT_EQ(finding.verdict, Verdict::limited);
  EXPECT_EQ(finding.remedy, "ulimit -l unlimited");
}

TEST(JudgeRing, AnErrnoThatSaysNothingIsUnknown) {
  const Finding finding = judge_ring(ring_refused(EMFILE), {.disabled = "0", .filter = false});
  EXPECT_EQ(finding.verdict, Verdict::unknown);
}

TEST(JudgeRingOperations, NamesThoseThatAreMissing) {
  EXPECT_EQ(judge_ring_operations(Operations{{"READ", true}}).verdict, Verdict::yes);
  const Finding some = judge_ring_operations(Operations{{"READ", true}, {"SEND_ZC", false}});
  EXPECT_EQ(some.verdict, Verdict::limited);
  EXPECT_TRUE(says(some, "not in this kernel: SEND_ZC; there: READ")) << some.detail;
  EXPECT_EQ(judge_ring_operations(Operations{{"READ", false}}).verdict, Verdict::no);
  EXPECT_EQ(judge_ring_operations(ring_refused(EPERM)).verdict, Verdict::unknown);
}

TEST(JudgeTls, WhatIsNotListedIsToBeLoaded) {
  const Finding finding = judge_tls("espintcp mptcp", std::nullopt, false);
  EXPECT_EQ(finding.verdict, Verdict::no);
  EXPECT_EQ(finding.remedy, "modprobe tls");
  EXPECT_EQ(judge_tls("smctls", std::nullopt, false).verdict, Verdict::no);
}

TEST(JudgeTls, AListedOneStillHasToAnswer) {
  EXPECT_EQ(judge_tls("espintcp tls", Result<void>{}, false).verdict, Verdict::yes);
  EXPECT_EQ(judge_tls("tls", std::nullopt, false).verdict, Verdict::unknown);
  EXPECT_EQ(judge_tls("tls", refused(ENETUNREACH, "connect"), false).verdict, Verdict::unknown);
  EXPECT_EQ(judge_tls("tls", refused(EPERM, "setsockopt TCP_ULP"), true).verdict, Verdict::no);
  EXPECT_EQ(judge_tls(hidden("/proc/x"), std::nullopt, false).verdict, Verdict::unknown);
}

TEST(JudgeNowait, OneFileThatTakesItIsEnough) {
  EXPECT_EQ(judge_nowait({.nowait = {refused(EOPNOTSUPP, "preadv2"), {}}}, false).verdict,
            Verdict::yes);
}

TEST(JudgeNowait, NoFileProvesThatItIsMissing) {
  EXPECT_EQ(judge_nowait({}, false).verdict, Verdict::unknown);
  EXPECT_EQ(judge_nowait({.nowait = {refused(EOPNOTSUPP, "preadv2")}}, false).verdict,
            Verdict::unknown);
  EXPECT_EQ(judge_nowait({.nowait = {refused(ENOENT, "open")}}, false).verdict, Verdict::unknown);
  EXPECT_EQ(judge_nowait({.nowait = {refused(ENOSYS, "preadv2")}}, true).verdict, Verdict::no);
}

TEST(JudgeAlignment, IsKnownOnceAFileTellsIt) {
  EXPECT_EQ(judge_alignment({.alignment_told = true, .alignment_asked = true}).verdict,
            Verdict::yes);
  EXPECT_EQ(judge_alignment({.alignment_asked = true}).verdict, Verdict::unknown);
  EXPECT_EQ(judge_alignment({}).verdict, Verdict::unknown);
}

TEST(JudgeUserfaultfd, TheSettingTakesAwayFaultsOfTheKernel) {
  EXPECT_EQ(judge_userfaultfd({}, {}, "0", false).verdict, Verdict::yes);
  const Finding finding = judge_userfaultfd({}, refused(EPERM), "0", false);
  EXPECT_EQ(finding.verdict, Verdict::limited);
  EXPECT_EQ(finding.remedy, "sysctl -w vm.unprivileged_userfaultfd=1");
  EXPECT_EQ(judge_userfaultfd({}, refused(EPERM), "1", false).remedy, "");
  EXPECT_EQ(judge_userfaultfd({}, refused(EPERM), hidden("/x"), false).remedy, "");
  EXPECT_EQ(judge_userfaultfd(refused(EPERM), refused(EPERM), "0", true).verdict, Verdict::no);
  EXPECT_EQ(judge_userfaultfd(refused(EPERM), refused(EPERM), "0", true).remedy, "");
}

TEST(JudgePerfEvent, TheLevelIsBlamedForWhatItTakes) {
  EXPECT_EQ(judge_perf_event({}, {}, "3", false).verdict, Verdict::yes);
  const Finding user_only = judge_perf_event({}, refused(EACCES), "2", false);
  EXPECT_EQ(user_only.verdict, Verdict::limited);
  EXPECT_EQ(user_only.remedy, "sysctl -w kernel.perf_event_paranoid=1");
  const Finding debian = judge_perf_event(refused(EACCES), refused(EACCES), "3", false);
  EXPECT_EQ(debian.verdict, Verdict::no);
  EXPECT_EQ(debian.remedy, "sysctl -w kernel.perf_event_paranoid=1");
}

TEST(JudgePerfEvent, AFilterIsNotLiftedByALevel) {
  const Finding finding = judge_perf_event(refused(EPERM), refused(EPERM), "2", true);
  EXPECT_EQ(finding.verdict, Verdict::no);
  EXPECT_TRUE(says(finding, "seccomp")) << finding.detail;
  EXPECT_EQ(finding.remedy, "");
  EXPECT_EQ(judge_perf_event(refused(EPERM), refused(EPERM), "3", true).remedy, "");
}

TEST(JudgeBpf, TheSettingIsNamed) {
  EXPECT_EQ(judge_bpf({}, "2", false).verdict, Verdict::yes);
  const Finding finding = judge_bpf(refused(EPERM), "2", false);
  EXPECT_EQ(finding.verdict, Verdict::no);
  EXPECT_TRUE(says(finding, "kernel.unprivileged_bpf_disabled is 2")) << finding.detail;
  EXPECT_FALSE(finding.remedy.empty());
  EXPECT_EQ(judge_bpf(refused(EPERM), "0", true).remedy, "");
  EXPECT_TRUE(says(judge_bpf(refused(ENOSYS), "2", true), "ENOSYS"));
  EXPECT_EQ(judge_bpf(refused(ENOSYS), "2", true).remedy, "");
}

TEST(JudgeCall, ADenialIsANoAndAnythingElseUnknown) {
  EXPECT_EQ(judge_cachestat({}, false).verdict, Verdict::yes);
  EXPECT_EQ(judge_cachestat(refused(ENOSYS), false).verdict, Verdict::no);
  EXPECT_EQ(judge_cachestat(refused(EFAULT), false).verdict, Verdict::unknown);
  EXPECT_EQ(judge_zerocopy_send({}, false).verdict, Verdict::yes);
  EXPECT_EQ(judge_zerocopy_send(refused(ENOPROTOOPT), false).verdict, Verdict::no);
  EXPECT_EQ(judge_zerocopy_send(refused(EMFILE), false).verdict, Verdict::unknown);
}

TEST(JudgeCall, AnUnknownFilterIsNotRuledOut) {
  EXPECT_TRUE(says(judge_cachestat(refused(ENOSYS), std::nullopt), "seccomp"));
  EXPECT_FALSE(says(judge_cachestat(refused(ENOSYS), false), "seccomp"));
}

}  // namespace
}  // namespace leat::app::probe
