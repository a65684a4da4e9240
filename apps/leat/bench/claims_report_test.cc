#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/claims.h"
#include "bench/claims_textbook.h"

namespace leat::app::bench {
namespace {

std::vector<Claim> all_claims() {
  std::vector<Claim> claims;
  for (const TextbookClaim& claim : textbook()) claims.push_back(unanswered(claim.number));
  return claims;
}

TEST(Textbook, HasTheClaimsThatAreAnswered) {
  std::vector<int> numbers;
  for (const TextbookClaim& claim : textbook()) numbers.push_back(claim.number);
  EXPECT_EQ(numbers, (std::vector{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}));
}

TEST(FormatClaims, FitsAHundredColumns) {
  std::vector<Claim> claims = all_claims();
  for (Claim& claim : claims) {
    for (int i = 0; i < 60; ++i) claim.here += "sendfile 30 [28 to 32], µs ";
    claim.why = std::string(70, 'x') + " " + std::string(70, 'y');
  }
  std::istringstream text(format_claims(claims));
  for (std::string line; std::getline(text, line);) {
    const auto columns =
        std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
    EXPECT_LE(columns, 100) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
    // An interval stays with its figure.
    const std::size_t start = line.find_first_not_of(' ');
    EXPECT_NE(start == std::string::npos ? ' ' : line[start], '[') << line;
  }
}

TEST(FormatClaims, SaysTheVerdictInWords) {
  Claim claim = unanswered(12);
  claim.verdict = Verdict::fails;
  claim.why = "it goes to a file too";
  claim.here = "tried";
  EXPECT_EQ(format_claims({claim}),
            "12  sendfile works only from a file to a socket\n"
            "    textbook  from a file to a socket, nothing else\n"
            "    here      tried\n"
            "    verdict   DOES NOT HOLD HERE: it goes to a file too\n\n");
}

TEST(FormatClaims, JsonHasTheKeysOfTheContract) {
  Claim claim = unanswered(1);
  claim.here = "a \"quoted\" text";
  claim.verdict = Verdict::depends;
  const std::string line = format_claims_json({.command = "leat bench claims",
                                               .kernel = "Linux",
                                               .cpu = "a CPU",
                                               .cores = 2,
                                               .compiler = "g++"},
                                              {claim});
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["host"]["cores"], 2);
  EXPECT_EQ(json["command"], "leat bench claims");
  const auto& entry = json["claims"][0];
  EXPECT_EQ(entry["number"], 1);
  EXPECT_EQ(entry["verdict"], "depends");
  EXPECT_EQ(entry["here"], "a \"quoted\" text");
  for (const char* key : {"claim", "textbook", "why", "figures"}) EXPECT_TRUE(entry.contains(key));
}

}  // namespace
}  // namespace leat::app::bench
