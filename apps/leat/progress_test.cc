/// Goal: the progress line fits its terminal, whatever its width, and never shows nonsense.
#include "progress.h"

#include <limits>

#include <gtest/gtest.h>

namespace leat::app {
namespace {

constexpr std::uint64_t mib = 1 << 20;

TEST(ProgressLine, ShowsShareRateAndTimeLeft) {
  EXPECT_EQ(progress_line({25 * mib, 100 * mib, 5.0 * mib}, 70),
            " 25% [=====>               ] 25.0 MiB of 100 MiB, 5.00 MiB/s, ETA 0:15");
}

TEST(ProgressLine, WithoutATotalShowsNoShare) {
  EXPECT_EQ(progress_line({25 * mib, std::nullopt, 5.0 * mib}, 70), "25.0 MiB, 5.00 MiB/s");
  EXPECT_EQ(progress_line({0, 0, 0}, 70), "0 B, 0 B/s");
}

TEST(ProgressLine, FitsEveryWidth) {
  for (std::uint32_t columns = 0; columns < 300; ++columns) {
    EXPECT_LE(progress_line({mib, 3 * mib, 1000}, columns).size(), columns);
    EXPECT_LE(progress_line({mib, std::nullopt, 1000}, columns).size(), columns);
  }
}

TEST(ProgressLine, AGrowingSourceNeverPassesAHundredPercent) {
  EXPECT_NE(progress_line({3 * mib, 2 * mib, 1000}, 79).find("100% ["), std::string::npos);
}

TEST(ProgressLine, ExtremesStayFinite) {
  const auto most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_NE(progress_line({0, most, 1}, 79).find("ETA 99:59:59"), std::string::npos);
  EXPECT_FALSE(progress_line({most, most, 1e300}, 79).empty());
}

}  // namespace
}  // namespace leat::app
