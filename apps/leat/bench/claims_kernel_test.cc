#include "bench/claims_kernel.h"

#include <string>

#include <gtest/gtest.h>

#include "bench/claims_calls.h"
#include "bench/payload.h"

namespace leat::app::bench {
namespace {

constexpr std::uint64_t size = (64u << 10) + 1;

class Kernel : public ::testing::Test {
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

TEST_F(Kernel, SendfileGoesToMoreThanSockets) {
  const auto trials = try_sendfile(payload());
  ASSERT_TRUE(trials) << trials.error().message();
  for (const Trial& trial : *trials) {
    if (trial.from != "a file") continue;
    EXPECT_TRUE(trial.worked()) << trial.to << " " << trial.refused_with;
    EXPECT_EQ(trial.bytes_equal, true) << trial.to;
  }
  const Claim claim = answer_sendfile(*trials);
  EXPECT_EQ(claim.verdict, Verdict::fails);
  EXPECT_NE(claim.why.find("a pipe and a file"), std::string::npos) << claim.why;
}

TEST_F(Kernel, SpliceNeedsAPipe) {
  const auto trials = try_splice(payload());
  ASSERT_TRUE(trials) << trials.error().message();
  for (const Trial& trial : trials->ends) {
    const bool has_pipe = trial.from == "a pipe" || trial.to == "a pipe";
    EXPECT_EQ(trial.worked(), has_pipe) << trial.from << " to " << trial.to;
    EXPECT_EQ(trial.refused_with, has_pipe ? "" : "EINVAL");
  }
  // The folder's own file system, both ways, if nothing else.
  EXPECT_GE(trials->file_systems.size(), 2u);
}

TEST_F(Kernel, ZerocopyIsCopiedOverLoopback) {
  const ZerocopyTrials trials = try_zerocopy();
  if (!trials.unavailable.empty()) GTEST_SKIP() << trials.unavailable;
  ASSERT_EQ(trials.paths.size(), 2u);
  const ZerocopyTrial& loopback = trials.paths[0];
  EXPECT_EQ(loopback.problem, "");
  EXPECT_EQ(loopback.known_by, KnownBy::kernel);
  EXPECT_EQ(loopback.copied_bytes, loopback.sent_bytes);
  EXPECT_EQ(loopback.lent_unread_bytes, loopback.sent_bytes);
  EXPECT_EQ(loopback.lent_read_bytes, 0u);
  EXPECT_EQ(trials.of_receiving, "the source is not memory");
  const Claim claim = answer_zerocopy(trials);
  EXPECT_EQ(claim.verdict, Verdict::depends);
  EXPECT_EQ(claim.figures["paths"].size(), 2u);
}

TEST_F(Kernel, CallsOfAPiece) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a sanitizer makes system calls of its own";
#endif
  const auto pieces = count_piece_calls(payload());
  ASSERT_TRUE(pieces) << pieces.error().message();
  ASSERT_EQ(pieces->size(), 4u);
  for (const PieceCalls& piece : *pieces) {
    if (!piece.problem.empty()) GTEST_SKIP() << piece.problem;
    EXPECT_EQ(piece.refusal, "");
    // mmap_write also maps and unmaps, which moves no bytes.
    if (piece.mechanism == "mmap_write") continue;
    EXPECT_EQ(piece.seen.size(), piece.counted);
  }
  EXPECT_EQ((*pieces)[2].seen, std::vector<std::string>{"sendfile"});
  EXPECT_EQ((*pieces)[3].seen, (std::vector<std::string>{"splice", "splice"}));
  const Claim claim = answer_switches(*pieces, piece_bytes(payload()));
  EXPECT_EQ(claim.verdict, Verdict::depends);
}

Trial trial_of(std::string from, std::string to, std::string refused_with = {}) {
  Trial trial;
  trial.from = std::move(from);
  trial.to = std::move(to);
  trial.refused_with = std::move(refused_with);
  trial.bytes = trial.refused_with.empty() ? 1 : 0;
  return trial;
}

TEST(AnswerSendfile, HoldsOnAKernelThatRefusesTheRest) {
  EXPECT_EQ(
      answer_sendfile({trial_of("a file", "a TCP socket"), trial_of("a file", "a pipe", "EINVAL")})
          .verdict,
      Verdict::holds);
}

TEST(AnswerSendfile, WrongBytesAreNoSuccess) {
  Trial wrong = trial_of("a file", "a pipe");
  wrong.bytes_equal = false;
  const Claim claim = answer_sendfile({trial_of("a file", "a TCP socket"), wrong});
  EXPECT_EQ(claim.verdict, Verdict::holds);
  EXPECT_NE(claim.here.find("NOT THOSE THAT WERE SENT"), std::string::npos);
}

TEST(AnswerSendfile, IsNotMeasurableWhereItIsDenied) {
  EXPECT_EQ(answer_sendfile({trial_of("a file", "a TCP socket", "EPERM"),
                             trial_of("a file", "a pipe", "EPERM")})
                .verdict,
            Verdict::not_measurable);
}

TEST(AnswerSplice, IsNotMeasurableWhereItIsDenied) {
  EXPECT_EQ(answer_splice({.ends = {trial_of("a file", "a file", "EPERM"),
                                    trial_of("a file", "a pipe", "EPERM")},
                           .file_systems = {}})
                .verdict,
            Verdict::not_measurable);
}

TEST(AnswerSplice, TellsWhichFileSystemsRefuse) {
  SpliceTrials trials{
      .ends = {trial_of("a file", "a file", "EINVAL"), trial_of("a file", "a pipe")},
      .file_systems = {trial_of("ext4", "a pipe"), trial_of("a pipe", "ext4"),
                       trial_of("oddfs", "a pipe"), trial_of("a pipe", "oddfs", "EINVAL")}};
  const Claim holds = answer_splice(trials);
  EXPECT_EQ(holds.verdict, Verdict::holds);
  EXPECT_NE(holds.here.find("serve it: ext4; that refuse: oddfs"), std::string::npos) << holds.here;
  trials.file_systems.resize(2);
  EXPECT_EQ(answer_splice(trials).verdict, Verdict::depends);
  trials.ends[0] = trial_of("a file", "a file");
  EXPECT_EQ(answer_splice(trials).verdict, Verdict::fails);
}

TEST(AnswerZerocopy, HoldsWhereTheKernelDidNotCopy) {
  ZerocopyTrial wire{.path = "a card",
                     .sent_bytes = 100,
                     .copied_bytes = 0,
                     .known_by = KnownBy::kernel,
                     .lent_unread_bytes = 100};
  EXPECT_EQ(answer_zerocopy({.unavailable = {}, .of_receiving = {}, .paths = {wire}}).verdict,
            Verdict::holds);
  wire.lent_unread_bytes = 0;
  EXPECT_EQ(answer_zerocopy({.unavailable = {}, .of_receiving = {}, .paths = {wire}}).verdict,
            Verdict::fails);
}

TEST(AnswerZerocopy, IsNotMeasurableWithoutIt) {
  EXPECT_EQ(answer_zerocopy({.unavailable = "denied", .of_receiving = {}, .paths = {}}).verdict,
            Verdict::not_measurable);
}

TEST(AnswerSwitches, WithoutPtraceTheReceiptsCount) {
  std::vector<PieceCalls> pieces;
  for (const auto& [name, calls] : {std::pair{"read_write", 2}, std::pair{"mmap_write", 1},
                                    std::pair{"sendfile", 1}, std::pair{"splice", 1}}) {
    PieceCalls piece{.mechanism = name, .seen = {}, .problem = "denied", .refusal = {}};
    piece.counted = static_cast<std::uint64_t>(calls);
    pieces.push_back(piece);
  }
  EXPECT_EQ(answer_switches(pieces, 1).verdict, Verdict::holds);
  EXPECT_NE(answer_switches(pieces, 1).here.find("(denied)"), std::string::npos);
}

}  // namespace
}  // namespace leat::app::bench
