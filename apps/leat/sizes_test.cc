/// Goal: sizes and durations are read exactly or refused with the units named.
#include "sizes.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace leat::app {
namespace {

TEST(ParseSize, ReadsBytesAndUnits) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("4097"), 4097u);
  EXPECT_EQ(parse_size("1B"), 1u);
  EXPECT_EQ(parse_size("64KiB"), 65536u);
  EXPECT_EQ(parse_size("1.5GiB"), 1610612736u);
  EXPECT_EQ(parse_size("10MB"), 10'000'000u);
  EXPECT_EQ(parse_size("1 kB"), 1000u);
  EXPECT_EQ(parse_size("2TiB"), 2199023255552u);
  EXPECT_EQ(parse_size("18446744073709551615"), 18446744073709551615u);
}

TEST(ParseSize, RefusesEverythingElseAndNamesTheUnits) {
  for (const char* text : {"", "KiB", "-1", "+1", "1Kib", "1K", "1.5", "1.B", "1.1234567KiB", " 1",
                           "1  KiB", "18446744073709551616", "16777216TiB", "0x10", "1KiBx"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size.has_value()) << text;
    EXPECT_NE(size.error().find("KiB"), std::string::npos) << text;
  }
}

using Sizes = std::vector<std::uint64_t>;

Sizes sizes_of(std::vector<std::string> texts) {
  const auto sizes = parse_sizes(texts);
  EXPECT_TRUE(sizes) << sizes.error();
  return sizes.value_or(Sizes());
}

TEST(ParseSizes, SortsAndDropsWhatIsNamedTwice) {
  EXPECT_EQ(sizes_of({"1GiB", "64", "16KiB", "64B"}), (Sizes{64, 16u << 10, 1u << 30}));
}

TEST(ParseSizes, ARangeHasBothEndsAndStepsOfSixteen) {
  EXPECT_EQ(sizes_of({"64..1GiB"}),
            (Sizes{64, 1u << 10, 16u << 10, 256u << 10, 4u << 20, 64u << 20, 1u << 30}));
  EXPECT_EQ(sizes_of({"64..1000"}), (Sizes{64, 1000}));
  EXPECT_EQ(sizes_of({"64..1025", "7"}), (Sizes{7, 64, 1024, 1025}));
  EXPECT_EQ(sizes_of({"5..5"}), (Sizes{5}));
  EXPECT_EQ(sizes_of({"1..18446744073709551615"}).size(), 17u);
}

TEST(ParseSizes, RefusesWhatIsNoSize) {
  for (const char* text : {"", "0", "0..64", "64..", "..64", "64..1..2", "64..63", "64...1KiB"}) {
    const std::vector<std::string> texts{"1", text};
    const auto sizes = parse_sizes(texts);
    ASSERT_FALSE(sizes) << text;
    EXPECT_EQ(sizes.error().find('\n'), std::string::npos) << text;
  }
}

TEST(FormatSize, KeepsThreeDigits) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1024), "1.00 KiB");
  EXPECT_EQ(format_size(10752), "10.5 KiB");
  EXPECT_EQ(format_size(1ull << 30), "1.00 GiB");
  EXPECT_EQ(format_size((1ull << 30) - 1), "1.00 GiB");
  EXPECT_EQ(format_size(~0ull), "16.0 EiB");
}

TEST(ParseDuration, ReadsSecondsAndUnits) {
  using std::chrono::nanoseconds;
  EXPECT_EQ(parse_duration("1.5"), nanoseconds(1'500'000'000));
  EXPECT_EQ(parse_duration("10s"), nanoseconds(10'000'000'000));
  EXPECT_EQ(parse_duration("500ms"), nanoseconds(500'000'000));
  EXPECT_EQ(parse_duration("2min"), nanoseconds(120'000'000'000));
}

TEST(ParseDuration, RefusesEverythingElseAndNamesTheUnits) {
  for (const char* text : {"", "0", "0ms", "-1", "s", "1h", "999999999999", "1,5"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration.has_value()) << text;
    EXPECT_NE(duration.error().find("ms"), std::string::npos) << text;
  }
}

TEST(FormatSeconds, GrowsIntoMinutes) {
  EXPECT_EQ(format_seconds(0.41), "0.41 s");
  EXPECT_EQ(format_seconds(12.3), "12 s");
  EXPECT_EQ(format_seconds(200.2), "3 min 20 s");
}

}  // namespace
}  // namespace leat::app
