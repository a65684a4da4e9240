#include "bench/claims_web.h"

#include <sys/wait.h>

#include <string>

#include <gtest/gtest.h>

#include "bench/payload.h"

namespace leat::app::bench {
namespace {

constexpr std::uint64_t size = (1u << 20) + 4097;

class Web : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = make_payload(::testing::TempDir(), size, {});
    ASSERT_TRUE(made) << made.error();
    file_.emplace(std::move(*made));
  }
  Payload payload() const {
    return {.file = file_->file, .size = size, .folder = ::testing::TempDir()};
  }

 private:
  std::optional<PayloadFile> file_;
};

/// Goal: every response is header and file, and counted. Method: the client compares the first one
/// and counts the bytes of the others; sizes around pages and parts.
TEST_F(Web, AnswersWithHeaderAndFile) {
  for (const std::uint64_t body :
       {std::uint64_t{1}, std::uint64_t{4095}, std::uint64_t{65537}, size}) {
    for (const WebRow& row : web_rows(body).rows) {
      SCOPED_TRACE(row.name + " " + std::to_string(body));
      const auto sample = measure_web(
          payload(), {.header_bytes = 200, .body_bytes = body, .requests = 20}, row.way);
      ASSERT_TRUE(sample) << sample.error().message;
      EXPECT_GT(sample->wall_s, 0);
      EXPECT_GT(sample->p50_us, 0);
      EXPECT_GE(sample->p99_us, sample->p50_us);
      EXPECT_GE(sample->calls, 1);
      if (row.name == "sendfile" && body > 200) {
        EXPECT_EQ(sample->body_by.name(), "sendfile");
      }
      if (row.name == "read_write") {
        EXPECT_EQ(sample->body_by.name(), "read_write");
      }
    }
  }
}

TEST_F(Web, AnswersWithTheFileAlone) {
  const auto sample =
      measure_web(payload(), {.header_bytes = 0, .body_bytes = 65536, .requests = 5},
                  {.mechanism = *Mechanism::named("splice")});
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_EQ(sample->body_by.name(), "splice");
  EXPECT_EQ(sample->body_share, 1);
}

TEST_F(Web, AMechanismThatDoesNotFitIsRefusedAndLeavesNoChild) {
  const auto sample =
      measure_web(payload(), {.header_bytes = 200, .body_bytes = 100, .requests = 5},
                  {.mechanism = *Mechanism::named("sendfile")});
  ASSERT_FALSE(sample);
  EXPECT_TRUE(sample.error().refused) << sample.error().message;
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST_F(Web, AFileThatIsTooShortIsAFailureAndNoHang) {
  const auto sample =
      measure_web(payload(), {.header_bytes = 200, .body_bytes = size + 1, .requests = 5}, {});
  ASSERT_FALSE(sample);
  EXPECT_FALSE(sample.error().refused);
}

TEST_F(Web, ARowThatRefusesLosesItsPlace) {
  WebSeries series = web_rows(100);
  series.work.requests = 5;
  series.rows[1].way.mechanism = *Mechanism::named("sendfile");  // the header is memory
  const auto ran =
      run_web(payload(), series,
              {.mechanisms = {}, .blocks = {}, .min_rounds = 2, .max_rounds = 2, .progress = {}},
              {&WebSample::wall_s});
  ASSERT_TRUE(ran) << ran.error();
  EXPECT_EQ(ran->rows.size(), 1u);
  EXPECT_EQ(ran->rows[0].samples.size(), 2u);
  EXPECT_EQ(ran->absent.size(), 1u);
}

WebSeries made_up(double wall, double cpu, std::string_view body_by = "sendfile") {
  WebSeries series = web_rows(64u << 10);
  for (int i = 0; i < 12; ++i) {
    series.rows[0].samples.push_back({.wall_s = 1.0 + i, .cpu_s = 1.0 + i});
    WebSample sample{.wall_s = wall * (1 + i), .cpu_s = cpu * (1 + i)};
    sample.body_by = *Mechanism::named(body_by);
    series.rows[1].samples.push_back(sample);
  }
  return series;
}

TEST(AnswerWeb, ComparesWithTheTextbooksRanges) {
  EXPECT_EQ(answer_web({made_up(1 / 1.3, 0.5)}).verdict, Verdict::holds);
  EXPECT_EQ(answer_web({made_up(1 / 1.1, 0.9)}).verdict, Verdict::fails);
  const Claim claim = answer_web({made_up(1 / 1.3, 0.5), made_up(1 / 1.1, 0.9)});
  EXPECT_EQ(claim.verdict, Verdict::depends);
  EXPECT_NE(claim.here.find("+30 % [+30 to +30]"), std::string::npos) << claim.here;
  EXPECT_NE(claim.here.find("-50 % [-50 to -50]"), std::string::npos) << claim.here;
  EXPECT_NE(claim.why.find("scripts/bench peers"), std::string::npos);
}

TEST(AnswerWeb, IsNotAboutSomethingElse) {
  const Claim claim = answer_web({made_up(1 / 1.3, 0.5, "splice")});
  EXPECT_EQ(claim.verdict, Verdict::not_measurable);
  EXPECT_NE(claim.why.find("not measured: sendfile"), std::string::npos) << claim.why;
}

}  // namespace
}  // namespace leat::app::bench
