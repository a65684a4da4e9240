// Goal: no slice is freed while the kernel may read it, and every one is released exactly once
// (pitfalls 23, 24, 31, 41). Method: random sequences against a model of the error queue, and the
// corners by hand.

#include "buffer/loans.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "support/keepers.h"
#include "support/loan_model.h"

namespace leat::testing {
namespace {

constexpr std::uint32_t near_the_wrap = std::numeric_limits<std::uint32_t>::max() - 20;

TEST(LoansProperty, random_sequences) {
  std::uint64_t sends = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint8_t> bytes(random() % 600);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    // Ended by completions: what is given up for good would be a leak to the sanitizer.
    if (!bytes.empty()) bytes.back() &= 0xfe;
    LoanModel model(seed % 2 == 0 ? 0 : near_the_wrap);
    ASSERT_EQ(model.run(bytes), "") << "seed " << seed;
    sends += model.sends();
  }
  EXPECT_GT(sends, 100'000u) << "the sequences hardly send: do they test anything?";
}

class LoansTest : public ::testing::Test {
 protected:
  LentBudget budget_{.limit = 1000};
  Verdicts verdicts_;
  std::uint64_t ticket_ = verdicts_.open();
  Loans loans_{budget_, verdicts_};

  std::weak_ptr<const void> lend(Loans& loans, std::uint64_t bytes, bool never_reused = false) {
    auto memory = std::make_shared<int>();
    std::vector<Keeper> keepers{keeper_of(memory, never_reused)};
    loans.note(keepers, bytes, ticket_);
    loans.sent(bytes);
    return memory;
  }
};

TEST_F(LoansTest, out_of_order_and_merged) {
  std::vector<std::weak_ptr<const void>> memory;
  for (int count = 0; count < 5; ++count) memory.push_back(lend(loans_, 10));
  EXPECT_EQ(loans_.completed(3, 4, false), 2u);
  EXPECT_FALSE(memory[2].expired());
  EXPECT_TRUE(memory[3].expired());
  EXPECT_EQ(loans_.completed(1, 3, true), 2u) << "3 was back before";
  EXPECT_EQ(loans_.completed(0, 0, false), 1u);
  EXPECT_EQ(loans_.outstanding(), 0u);
  EXPECT_EQ(verdicts_.find(ticket_)->copied, 20u);
  EXPECT_FALSE(verdicts_.find(ticket_)->pending());
}

TEST_F(LoansTest, numbers_wrap) {
  Loans loans(budget_, verdicts_, std::numeric_limits<std::uint32_t>::max());
  const auto last = lend(loans, 1);
  const auto first = lend(loans, 2);
  const auto second = lend(loans, 3);
  EXPECT_EQ(loans.completed(std::numeric_limits<std::uint32_t>::max(), 0, false), 2u);
  EXPECT_TRUE(last.expired());
  EXPECT_TRUE(first.expired());
  EXPECT_FALSE(second.expired());
  EXPECT_EQ(loans.completed(1, 1, false), 1u);
}

TEST_F(LoansTest, a_range_that_began_long_ago_reaches_into_what_is_outstanding) {
  lend(loans_, 1);
  lend(loans_, 1);
  EXPECT_EQ(loans_.completed(0, 1, false), 2u);
  lend(loans_, 1);
  lend(loans_, 1);
  EXPECT_EQ(loans_.completed(1, 2, false), 1u);
  EXPECT_EQ(loans_.outstanding(), 1u);
  EXPECT_EQ(loans_.completed(0, 1, false), 0u);
  EXPECT_EQ(loans_.completed(7, 9, false), 0u) << "never sent";
  EXPECT_EQ(loans_.completed(3, 3, false), 1u);
}

TEST_F(LoansTest, a_failed_send_has_no_number) {
  auto memory = std::make_shared<int>();
  std::vector<Keeper> keepers{keeper_of(memory)};
  loans_.note(keepers, 700, ticket_);
  EXPECT_FALSE(budget_.has_room_for(301));
  loans_.undo();
  EXPECT_EQ(budget_.lent, 0u);
  EXPECT_EQ(memory.use_count(), 1);
  const auto next = lend(loans_, 5);
  EXPECT_EQ(loans_.completed(0, 0, false), 1u);
  EXPECT_TRUE(next.expired());
}

TEST_F(LoansTest, an_owner_whose_release_lends_again) {
  {
    std::vector<Keeper> keepers{keeper_calling([&] {
      for (int count = 0; count < 20; ++count) {
        std::vector<Keeper> more{keeper_calling([] {})};
        loans_.note(more, 1, ticket_);
        loans_.sent(1);
      }
    })};
    loans_.note(keepers, 1, ticket_);
    loans_.sent(1);
  }
  EXPECT_EQ(loans_.completed(0, 0, false), 1u);
  EXPECT_EQ(loans_.outstanding(), 20u);
  EXPECT_EQ(loans_.completed(1, 20, false), 20u);
}

// What it completes by that is not what the kernel still reads.
TEST_F(LoansTest, an_owner_whose_release_completes_more) {
  std::vector<Keeper> keepers{keeper_calling([this] { loans_.completed(3, 3, false); })};
  loans_.note(keepers, 1, ticket_);
  loans_.sent(1);
  keepers.clear();
  const auto named = lend(loans_, 1);
  const auto still_read = lend(loans_, 1);
  const auto completed_by_it = lend(loans_, 1);
  EXPECT_EQ(loans_.completed(0, 1, false), 2u);
  EXPECT_TRUE(named.expired());
  EXPECT_FALSE(still_read.expired());
  EXPECT_TRUE(completed_by_it.expired());
  EXPECT_EQ(loans_.outstanding(), 2u) << "numbers 2 and 3, of which 3 is back";
  EXPECT_EQ(loans_.completed(2, 2, false), 1u);
  EXPECT_EQ(loans_.outstanding(), 0u);
}

TEST_F(LoansTest, a_budget_that_is_overdrawn_has_no_room) {
  EXPECT_TRUE(budget_.has_room_for(1000));
  EXPECT_FALSE(budget_.has_room_for(1001));
  lend(loans_, 5000);
  EXPECT_FALSE(budget_.has_room_for(1));
  EXPECT_EQ(loans_.completed(0, 0, false), 1u);
}

TEST_F(LoansTest, what_was_given_up_has_no_verdict) {
  lend(loans_, 10, true);
  EXPECT_EQ(loans_.give_up(), 0u);
  ASSERT_NE(verdicts_.find(ticket_), nullptr);
  EXPECT_FALSE(verdicts_.find(ticket_)->pending());
  EXPECT_FALSE(verdicts_.find(ticket_)->tells) << "the kernel said nothing of it";
}

TEST_F(LoansTest, gives_up_only_what_is_never_reused) {
  const auto pages = lend(loans_, 10, true);
  EXPECT_EQ(loans_.give_up(), 0u);
  EXPECT_TRUE(pages.expired());
  EXPECT_EQ(budget_.lent, 0u);
  EXPECT_EQ(loans_.outstanding(), 0u);
}

// Kept for good on purpose, and reachable from here to the end, so that the sanitizer sees no leak.
TEST_F(LoansTest, never_frees_what_an_allocator_would_hand_out_again) {
  static const auto* const kept = new Keeper(keeper_calling([] {}));
  std::vector<Keeper> keepers{*kept};
  loans_.note(keepers, 10, ticket_);
  loans_.sent(10);
  EXPECT_EQ(loans_.give_up(), 10u);
  keepers.clear();
  EXPECT_FALSE(kept->is_alone()) << "it would be freed with its last owner";
}

TEST(VerdictsTest, drops_the_oldest_that_have_everything_back) {
  Verdicts verdicts;
  const std::uint64_t first = verdicts.open();
  verdicts.lent(first, 1);
  for (int count = 0; count < 2000; ++count) verdicts.open();
  EXPECT_NE(verdicts.find(first), nullptr) << "something of it is outstanding";
  verdicts.released(first, 1, true);
  EXPECT_EQ(verdicts.find(first)->copied, 1u);
  verdicts.open();
  EXPECT_EQ(verdicts.find(first), nullptr);
  EXPECT_EQ(verdicts.find(0), nullptr);
  EXPECT_EQ(verdicts.find(UINT64_MAX), nullptr);
  verdicts.lent(first, 1);
  verdicts.released(first, 1, true);
}

}  // namespace
}  // namespace leat::testing
