/// Goal: what an interface takes off the CPU is judged by what it means for sendfile. Method:
/// made-up interfaces; the loopback of this host.
#include "probe/interfaces.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <gtest/gtest.h>

namespace leat::app::probe {
namespace {

constexpr const char* all_names[] = {"tx-checksum-ip-generic",
                                     "tx-scatter-gather",
                                     "tx-tcp-segmentation",
                                     "tx-generic-segmentation",
                                     "rx-gro",
                                     "rx-lro",
                                     "tls-hw-tx-offload"};

os::Interface card(const std::vector<std::string_view>& off, bool changeable = true) {
  std::vector<os::Offload> offloads;
  for (const char* name : all_names) {
    const bool on = std::find(off.begin(), off.end(), name) == off.end();
    offloads.push_back({.name = name, .on = on, .changeable = changeable});
  }
  return {.name = "eth0",
          .driver = "ixgbe",
          .up = true,
          .loopback = false,
          .mtu = 9000,
          .offloads = std::move(offloads)};
}

bool says(const Finding& finding, std::string_view words) {
  return finding.detail.find(words) != std::string::npos;
}

std::string fact(const Finding& finding, std::string_view name) {
  for (const Fact& one : finding.facts) {
    if (one.name == name) return one.value;
  }
  return "missing";
}

TEST(JudgeInterface, ACardWithEverything) {
  const Finding finding = judge_interface(card({}));
  EXPECT_EQ(finding.verdict, Verdict::yes);
  EXPECT_EQ(finding.remedy, "");
  EXPECT_EQ(finding.detail,
            "takes scattered pages: sendfile needs no copy; up, MTU 9000; checksum, TSO, "
            "GSO, GRO, LRO, TLS");
  EXPECT_EQ(fact(finding, "mtu"), "9000");
  EXPECT_EQ(fact(finding, "tls_tx"), "yes");
}

TEST(JudgeInterface, WithoutScatterGatherTheKernelCopies) {
  const Finding finding = judge_interface(card({"tx-scatter-gather", "tx-tcp-segmentation"}));
  EXPECT_EQ(finding.verdict, Verdict::no);
  EXPECT_TRUE(says(finding, "the kernel copies")) << finding.detail;
  EXPECT_EQ(finding.remedy, "ethtool -K eth0 sg on tso on");
  EXPECT_EQ(fact(finding, "scatter_gather"), "no");
}

TEST(JudgeInterface, ChecksumsComeFirstInTheRemedy) {
  const Finding finding =
      judge_interface(card({"tx-checksum-ip-generic", "tx-scatter-gather", "rx-lro"}));
  EXPECT_EQ(finding.remedy, "ethtool -K eth0 tx on sg on");
}

TEST(JudgeInterface, OneKindOfChecksumIsEnough) {
  os::Interface older = card({});
  (*older.offloads)[0].name = "tx-checksum-ipv4";
  EXPECT_EQ(fact(judge_interface(older), "tx_checksum"), "yes");
}

TEST(JudgeInterface, WhatIsFixedHasNoRemedy) {
  const Finding finding = judge_interface(card({"tx-scatter-gather"}, false));
  EXPECT_EQ(finding.verdict, Verdict::no);
  EXPECT_EQ(finding.remedy, "");
}

TEST(JudgeInterface, WithoutSegmentationItIsLimited) {
  EXPECT_EQ(judge_interface(card({"tx-tcp-segmentation", "tx-generic-segmentation"})).verdict,
            Verdict::limited);
  EXPECT_EQ(judge_interface(card({"tx-tcp-segmentation"})).verdict, Verdict::yes);
  EXPECT_EQ(judge_interface(card({"tx-checksum-ip-generic"})).verdict, Verdict::limited);
}

TEST(JudgeInterface, ThoseThatCopyLentMemorySaySo) {
  os::Interface virtual_one = card({});
  EXPECT_FALSE(says(judge_interface(virtual_one), "MSG_ZEROCOPY"));
  virtual_one.driver = "veth";
  EXPECT_TRUE(says(judge_interface(virtual_one), "MSG_ZEROCOPY"));
}

TEST(JudgeInterface, WhatIsNotToldIsUnknown) {
  os::Interface silent = card({});
  silent.up = false;
  silent.mtu = 0;
  silent.driver.clear();
  silent.offloads = std::unexpected(Error{
      std::error_code(EPERM, std::generic_category()), "ioctl ETHTOOL_GSSET_INFO", {}, {}, {}});
  const Finding finding = judge_interface(silent);
  EXPECT_EQ(finding.verdict, Verdict::unknown);
  EXPECT_TRUE(says(finding, "EPERM")) << finding.detail;
  EXPECT_TRUE(says(finding, "down")) << finding.detail;
  for (const char* name : {"mtu", "driver", "scatter_gather", "tso", "tls_tx"}) {
    EXPECT_EQ(fact(finding, name), "unknown") << name;
  }
}

TEST(LookAtInterface, TheLoopbackIsThere) {
  const auto names = os::interface_names();
  ASSERT_TRUE(names) << names.error().message();
  ASSERT_NE(std::find(names->begin(), names->end(), "lo"), names->end());
  const auto loopback = os::look_at_interface("lo");
  ASSERT_TRUE(loopback) << loopback.error().message();
  EXPECT_TRUE(loopback->loopback);
  EXPECT_GT(loopback->mtu, 0u);
  ASSERT_TRUE(loopback->offloads) << loopback->offloads.error().message();
  EXPECT_EQ(fact(judge_interface(*loopback), "scatter_gather"), "yes");
  EXPECT_TRUE(says(judge_interface(*loopback), "copies what MSG_ZEROCOPY lends"));
}

TEST(LookAtInterface, OneThatIsGoneIsAnError) {
  const auto gone = os::look_at_interface("leat-none");
  ASSERT_FALSE(gone);
  EXPECT_TRUE(gone.error().is(ENODEV));
}

}  // namespace
}  // namespace leat::app::probe
