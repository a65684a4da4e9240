// Goal: what a process and its children take grows by what they touch, and none that ends is
// missed.

#include "os/family_memory.h"

#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include "os/child_process.h"

namespace leat::app::os {
namespace {

TEST(FamilyMemory, GrowsByWhatIsTouched) {
  const auto before = family_memory();
  if (!before) GTEST_SKIP() << before.error().message();
  constexpr std::size_t size = 64u << 20;
  std::vector<std::byte> touched(size, std::byte{1});
  const auto after = family_memory();
  ASSERT_TRUE(after) << after.error().message();
  EXPECT_GE(after->pss_bytes, before->pss_bytes + size / 2);
  EXPECT_GE(after->anonymous_bytes, before->anonymous_bytes + size / 2);
  EXPECT_EQ(touched.back(), std::byte{1});
}

// Method: children end, unreaped, at any moment while the family is asked again and again.
TEST(FamilyMemory, AChildThatEndsMeanwhileIsNoError) {
  if (const auto known = family_memory(); !known) GTEST_SKIP() << known.error().message();
  for (int turn = 0; turn < 100; ++turn) {
    auto child = ChildProcess::start([](const ParentLink& link) { return link.wait_for_go(); });
    ASSERT_TRUE(child) << child.error().message();
    ASSERT_TRUE(child->go());
    const auto memory = family_memory();
    ASSERT_TRUE(memory) << "turn " << turn << ": " << memory.error().message();
    ASSERT_TRUE(child->wait());
  }
}

}  // namespace
}  // namespace leat::app::os
