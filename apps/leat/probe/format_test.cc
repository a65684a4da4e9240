/// Goal: text fits 100 columns whatever is found, and JSON is one line of valid UTF-8 that says the
/// same. Method: findings with long, hostile and empty parts.
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "probe/format_json.h"
#include "probe/format_text.h"

namespace leat::app::probe {
namespace {

Finding finding(std::string name, std::string detail, std::string remedy = {}) {
  return {.section = Section::limits,
          .name = std::move(name),
          .verdict = Verdict::limited,
          .detail = std::move(detail),
          .remedy = std::move(remedy),
          .facts = {}};
}

TEST(AsText, OneLineUnderItsHeading) {
  EXPECT_EQ(as_text({finding("short", "low", "ulimit -l 8")}),
            "Limits\n"
            "  short            limited  low\n"
            "                            => ulimit -l 8\n");
}

TEST(AsText, SectionsComeInTheirOrder) {
  Finding kernel = finding("first", "there");
  kernel.section = Section::kernel;
  const std::string text = as_text({finding("second", "low"), kernel});
  EXPECT_LT(text.find("Kernel features"), text.find("\n\nLimits"));
}

TEST(AsText, FitsIntoTheColumns) {
  const std::string word(40, 'x');
  const std::string text =
      as_text({finding("a name of its length", word + " " + word + " " + word, "sysctl " + word),
               finding(std::string(230, 'p'), std::string(300, 'd'), std::string(250, 'r'))});
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    EXPECT_LE(line.size(), 100u) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
}

TEST(AsText, AnEscapeSequenceInANameDoesNotReachTheTerminal) {
  EXPECT_EQ(as_text({finding("/mnt/\x1b[31m\n", "a\tb")}).find('\x1b'), std::string::npos);
}

TEST(AsJson, HasEverySectionThatWasAskedFor) {
  const auto json = nlohmann::ordered_json::parse(
      as_json({Section::mechanisms, Section::limits, Section::hardware}, ask_mechanisms(),
              {finding("a", "low"), finding("b", "low", "do it")}));
  ASSERT_EQ(json.size(), 3u);
  EXPECT_FALSE(json["mechanisms"].empty());
  EXPECT_TRUE(json["hardware"].is_array());
  EXPECT_EQ(json["limits"][0].dump(),
            R"({"name":"a","verdict":"limited","detail":"low","remedy":null,"facts":{}})");
  EXPECT_EQ(json["limits"][1]["remedy"], "do it");
}

TEST(AsJson, ANameThatIsNotUtf8IsReplaced) {
  const std::string text = as_json({Section::limits}, {}, {finding("/mnt/\xff", "a\nb")});
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_TRUE(nlohmann::json::accept(text)) << text;
}

}  // namespace
}  // namespace leat::app::probe
